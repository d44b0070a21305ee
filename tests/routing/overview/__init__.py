"""The page of routing as a whole, and what it says can never match."""
