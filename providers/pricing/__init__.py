"""Prices of models: their spans of time, the public price list, and updates from it."""
