"""Explain: the engine, the command and the page."""
