"""Keys that are replaced, and backups that hold nothing in clear."""
