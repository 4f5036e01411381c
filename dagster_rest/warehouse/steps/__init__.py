"""Processing steps on the records of a page: Python and SQL."""
