"""The face: the command line and the embedded stack."""
