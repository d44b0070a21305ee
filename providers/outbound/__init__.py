"""The way out: the guarded client, the connections to providers, and what is fetched for requests."""
