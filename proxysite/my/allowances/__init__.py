"""What a lead sets inside their team: budgets and rate limits of its keys, and of each member."""
