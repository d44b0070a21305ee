"""Stores of what limits have counted: one suite for all of them."""
