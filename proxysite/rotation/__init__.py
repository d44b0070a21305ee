"""Replaces ENCRYPTION_KEYS and SECRET_KEY: what they protect in the database, and the place where they are set."""
