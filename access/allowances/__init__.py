"""Limits and budgets: what they are, whom they bind, and the stores that count against limits."""
