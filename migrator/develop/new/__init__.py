"""`migrator new`: write a revision, in steps that are safe."""
