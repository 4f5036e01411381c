"""Short connections to a DuckDB file, alone, and what DuckDB raises."""
