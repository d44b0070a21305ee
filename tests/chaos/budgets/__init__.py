"""Budgets while workers, journals and databases fail."""
