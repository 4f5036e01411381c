"""Values of records as values of columns: their types, texts, timestamps and Arrow arrays."""
