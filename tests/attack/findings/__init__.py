"""What once gave way, and is closed."""
