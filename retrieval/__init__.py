"""Labelled examples near a text."""
