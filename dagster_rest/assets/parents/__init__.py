"""Parent rows, and the requests that are made of them."""
