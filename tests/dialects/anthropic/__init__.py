"""The Claude dialect and the servers that imitate it."""
