"""Tests of benchmarks/: what is drawn, counted, joined and kept; no figure is measured here."""
