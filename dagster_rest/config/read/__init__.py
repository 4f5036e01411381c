"""What the user wrote, as it was written: YAML with its lines, bounded copies, dlt objects."""
