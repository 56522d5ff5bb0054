"""A developer's machine: new revisions, before the commit."""
