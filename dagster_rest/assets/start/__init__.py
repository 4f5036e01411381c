"""What a run finds, and what it starts from: decided once."""
