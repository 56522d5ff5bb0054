"""The ledger: what happened to this database, kept in the database."""
