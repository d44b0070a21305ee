"""Alerts: what raises one, whom it reaches, that it goes out once."""
