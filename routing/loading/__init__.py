"""Loads the snapshot from rows, and renews it whenever a row changes."""


class BrokenConfiguration(Exception):
    """Stored configuration cannot be used; the text names the row and says what to do."""
