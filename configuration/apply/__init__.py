"""Writes a configuration file into the database, one module per app, and reports what changes."""
