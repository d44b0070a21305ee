"""The explorer: any metric by any group, over time. Its URL is its whole state."""
