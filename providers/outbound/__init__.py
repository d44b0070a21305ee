"""Outbound connections: the guarded client, the connections to providers, and media and model lists."""
