"""Signing in to the admin: limits on attempts, known devices, password hashing beside streams, limits of sessions."""
