"""Upstreams that fail in every way, and what the client sees of it."""
