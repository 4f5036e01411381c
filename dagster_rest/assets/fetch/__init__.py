"""One window: units to pages, pages to records, records to staging."""
