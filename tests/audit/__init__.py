"""The audit: entries that follow each other, who writes them, and who cannot."""
