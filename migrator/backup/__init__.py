"""Backups: a dump in a store, its manifest beside it, and the proof that it is one."""
