"""Budgets on the pages of members and leads: how they stand, where that leads, and asking for more."""
