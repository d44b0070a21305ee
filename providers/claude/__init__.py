"""Reads a Claude Messages request, for every dialect that translates it. Nothing here changes the request."""
