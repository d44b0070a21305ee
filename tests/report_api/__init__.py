"""The report API and its tokens."""
