"""The ledger's history: how its tables came to be, for PostgreSQL and SQLite alike.

Owns the revisions and how they are run. What the tables are now is said in `jobs.tables`; a test holds both
equal.
"""
