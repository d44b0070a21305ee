"""How many tokens a request has, without asking its provider: a real count, and a cheap guess for routing."""

CHARACTERS_PER_TOKEN = 4
"""About as many as in English text, for estimates without a tokenizer."""
