"""Which paginator fits a first response."""
