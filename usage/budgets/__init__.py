"""Money against budgets, in the database: windows, what workers have drawn, what rows have spent."""
