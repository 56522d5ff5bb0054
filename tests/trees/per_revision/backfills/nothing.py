"""Nothing remains in it."""

remaining = "SELECT 1 AS id WHERE false"
batch = "SELECT CAST(:keys AS int[])"
