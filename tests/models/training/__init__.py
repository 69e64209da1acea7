"""Tests of models/training/, one file a module."""
