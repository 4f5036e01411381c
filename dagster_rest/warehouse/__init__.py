"""Records into tables: naming, types, nested tables, staging on disk, and one transaction into DuckDB."""
