"""Servers that nobody here wrote, behind the gateway: `make real-upstream`. Not tests: they install what they need."""
