"""Rate limits of keys, people, teams and members."""
