"""Budgets where a store fails, and where limits are counted in another one."""
