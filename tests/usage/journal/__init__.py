"""From a finished request to its row."""
