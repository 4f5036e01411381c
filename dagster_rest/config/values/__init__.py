"""The types of config values, and where a text may come from: the environment, a secret, an import string."""
