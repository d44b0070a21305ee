"""The page of one request: how it ended, its attempts, the decision, the cost as a sum, what was lost, and facts."""
