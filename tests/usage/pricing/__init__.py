"""Prices, costs, and what changes them later."""
