"""The endpoints beside Messages, and who is let in."""
