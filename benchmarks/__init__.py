"""Measured beside dlt and beside the raw limit: `make bench`."""
