"""Routes, and what leads to them, in the admin."""

from routing.admin import leads, routes, rules

__all__ = ["leads", "routes", "rules"]
