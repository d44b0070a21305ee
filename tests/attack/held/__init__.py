"""What was attacked and held from the start."""
