"""The admin pages of routes, and of the aliases, scenarios, rules and concepts that lead to them."""

from routing.admin import routes, rules, targeting

__all__ = ["routes", "rules", "targeting"]
