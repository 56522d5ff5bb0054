"""The version, in a module of its own, so that none below has to import the top of the package."""

__version__ = "0.1.0"
