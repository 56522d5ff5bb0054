"""The migration lock: taken, kept alive, watched and enforced."""
