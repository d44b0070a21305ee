"""The messages that sessions send again with every request, read once."""
