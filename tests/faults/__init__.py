"""Every way to end a run, at every step of it."""
