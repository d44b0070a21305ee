"""Clients of others that the tests run against the gateway, and their scripts."""
