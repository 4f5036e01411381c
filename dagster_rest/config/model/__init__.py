"""The config as models: attribute names are dlt's keys."""
