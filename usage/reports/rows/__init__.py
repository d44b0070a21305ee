"""Lists of usage rows: what they are filtered by, how a page of them is read, and what stands above it."""
