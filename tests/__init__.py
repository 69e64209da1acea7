"""The tests, a folder for each room; tests/conftest.py holds what several of them need."""
