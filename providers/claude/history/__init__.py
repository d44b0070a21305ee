"""The messages and tools that a session sends again with every request, read once."""
