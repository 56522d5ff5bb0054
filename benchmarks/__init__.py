"""What is measured: ratios of one run, on a real Postgres."""
