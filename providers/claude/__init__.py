"""Walking a Claude Messages request, for every dialect that has to say it in other words. Reads, never changes it."""
