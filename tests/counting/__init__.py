"""Counting tokens without a provider."""
