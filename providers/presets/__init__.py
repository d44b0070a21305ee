"""Known providers, with which the form of a new one begins."""
