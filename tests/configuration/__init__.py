"""Configuration in and out as a file."""
