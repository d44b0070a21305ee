"""How a serving process learns within a second of what others wrote to the database, and asks it next to nothing while
nobody writes: `watcher` is the one thread, `news` says what may have changed, `triggers` has PostgreSQL say so."""
