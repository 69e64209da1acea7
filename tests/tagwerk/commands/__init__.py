"""The commands, on the embedded stack and on services."""
