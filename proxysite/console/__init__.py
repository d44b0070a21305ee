"""The admin pages that span several apps: home, usage report, health, Explain, provider test and model list."""
