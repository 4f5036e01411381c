"""Cursor values, the rows they let through, and how far they may go."""
