"""The face, from a command's words to what it prints and leaves behind."""
