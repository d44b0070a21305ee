"""Claude servers with lists of their own: a table for each cloud that sells Claude, and its use."""
