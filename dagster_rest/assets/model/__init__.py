"""What is known of an asset before it runs: plan, partitions, run config."""
