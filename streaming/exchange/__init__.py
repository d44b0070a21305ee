"""What one request is while it is answered."""
