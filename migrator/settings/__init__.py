"""The settings: their table, what each may say, and where each may stand."""
