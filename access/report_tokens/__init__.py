"""Tokens of the report API, with which programs read usage and statements."""
