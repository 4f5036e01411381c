"""Requests with placeholders: parsed when a config is loaded, rendered when a step runs."""
