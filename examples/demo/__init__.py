"""The demo: a real REST API on this machine, and the graph that loads it."""
