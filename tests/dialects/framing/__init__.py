"""Bodies that are cut anywhere, into events and lines."""
