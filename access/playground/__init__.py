"""Requests from the pages, made by whoever is signed in: a signed token instead of a client key."""
