"""How a resource's rows become a table: keys, columns, write disposition, schema contract, nested tables."""
