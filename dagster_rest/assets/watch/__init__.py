"""A sensor that asks an API whether there is anything new."""
