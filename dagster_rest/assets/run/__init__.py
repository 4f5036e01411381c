"""One step: read the state, fetch, stage, commit, report."""
