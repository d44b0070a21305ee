"""The page of routing as a whole: its phases, what they hold, and what can never match."""
