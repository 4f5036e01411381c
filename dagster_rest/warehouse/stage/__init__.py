"""Parquet parts on disk, with a checkpoint after each."""
