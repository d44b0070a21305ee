"""Tests of roles: what each may do, on every page and at every endpoint."""
