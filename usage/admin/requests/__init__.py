"""The lists of requests and of attempts: a range of time, filters, rows from a place on, and the file of all rows."""
