"""The developer's machine: what has no business near a database that others use."""
