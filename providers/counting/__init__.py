"""Counts the tokens of a request without asking its provider: a real count, and a cheap estimate for routing."""

CHARACTERS_PER_TOKEN = 4
"""About as many as in English text, for estimates without a tokenizer."""
