"""Bodies into values and records."""
