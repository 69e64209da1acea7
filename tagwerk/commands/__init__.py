"""The commands, a module for each family; each is a thin path from arguments to the rooms below."""
