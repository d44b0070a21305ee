"""The admin pages that span several apps: home, explorer, health, Explain, provider test and model list."""
