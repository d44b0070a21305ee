"""One candidate after the other: attempts, retries, continuation, hedging."""
