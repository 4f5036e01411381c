"""Checks of a load, evaluated in its transaction."""
