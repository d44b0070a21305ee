"""Pages of long work: what may be started, what runs, and what came of it."""
