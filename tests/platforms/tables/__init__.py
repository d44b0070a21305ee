"""What clouds that sell Claude take of its API, by their tables."""
