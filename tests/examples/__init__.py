"""Tests of the example corpora."""
