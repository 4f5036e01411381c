"""Records into Arrow tables."""
