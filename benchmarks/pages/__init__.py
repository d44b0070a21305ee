"""How long pages of the admin take over a database that is filled: `python -m benchmarks.pages`."""
