"""Databases that we create and drop: scratch, embedded, templates."""
