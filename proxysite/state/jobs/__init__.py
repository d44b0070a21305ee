"""Long work behind a page: the tasks, the process that runs them, and its start."""
