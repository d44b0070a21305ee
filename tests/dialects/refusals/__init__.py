"""Refusals of providers: their kind, whose fault they are, and prompts that are too long."""
