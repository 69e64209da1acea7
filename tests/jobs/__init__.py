"""Tests of the room jobs, on real databases and a real broker."""
