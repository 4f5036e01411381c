"""Many units at a time, their pages in order, memory bounded."""
