"""What loading raises for configuration that cannot be used."""

from __future__ import annotations


class BrokenConfiguration(Exception):
    """Something that is stored cannot be used; the text names the row and says what to do."""
