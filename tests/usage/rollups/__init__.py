"""Usage added up by quarter hour, day and session, and its measures."""
