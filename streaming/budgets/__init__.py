"""Money against budgets, on a request's way: blocks in memory, reservations, slices of an answer."""
