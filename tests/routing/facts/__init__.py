"""What routing sees of a request."""
