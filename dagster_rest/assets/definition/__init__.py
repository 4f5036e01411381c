"""From a config to Dagster definitions; no I/O."""
