"""Staged loads into tables, in one transaction."""
