"""make run, quickstart and the demo upstream."""
