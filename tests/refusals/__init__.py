"""Refused and failed requests: what callers, rows and pages learn of the cause."""
