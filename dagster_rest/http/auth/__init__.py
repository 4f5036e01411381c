"""Credentials on requests."""
