"""Tests of the hands: from claim to commit, and everything that may come in between."""
