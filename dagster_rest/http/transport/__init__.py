"""Sockets, TLS, proxies and bodies, and what can go wrong with them."""
