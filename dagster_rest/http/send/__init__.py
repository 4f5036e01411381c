"""One request to one response: admission, retries, response actions."""
