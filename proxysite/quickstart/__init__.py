"""Sets up a new installation, so that there is something to call; existing rows are not changed."""
