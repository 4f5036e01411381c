"""The same configs through dlt and through dagster_rest, compared."""
