"""What routing knows of a request."""
