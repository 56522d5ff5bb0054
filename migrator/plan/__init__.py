"""What a release will do to a database: what a rehearsal saw, rated, and shown."""
