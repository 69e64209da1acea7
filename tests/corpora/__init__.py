"""Tests of the room that takes documents in and gives results out."""
