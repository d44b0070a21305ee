"""Single rooms of the house, without a server."""
