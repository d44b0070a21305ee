"""What is recorded when an attempt or a request ends."""
