"""The admin in a browser."""
