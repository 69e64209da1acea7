"""Tests of every statement, each on SQLite and on PostgreSQL."""
