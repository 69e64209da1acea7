"""The ledger of all work: states, tables, every SQL statement, the doorbell and the reaper.

Owns what a job is and how it moves on. Does not tag, serve HTTP or know a model.
"""
