"""The lists of requests and attempts: pages of rows, filters, histogram, file."""
