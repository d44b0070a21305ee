"""Routes, and what leads to them, in the admin."""

from routing.admin import routes, rules, targeting

__all__ = ["routes", "rules", "targeting"]
