"""The circuit breakers, the credential pool, and what the workers share of them."""
