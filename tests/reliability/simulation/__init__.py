"""Many actors on one asset: a deterministic scheduler over the real code, and a model of what the tables must hold."""
