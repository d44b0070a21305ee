"""What the writer does on SQLite, which runs in this process: every statement of a batch costs the worker."""
