"""Tests of the room models/, one file a module."""
