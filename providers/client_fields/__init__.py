"""What a client may add to a request: filtered for each candidate, before its chain of transforms."""
