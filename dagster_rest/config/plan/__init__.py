"""From a config to what has to be done: defaults merged, parents found, everything in order."""
