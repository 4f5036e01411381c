"""What is recorded beside the data: columns, loads, parent keys, failed parents."""
