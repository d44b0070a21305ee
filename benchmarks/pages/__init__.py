"""How long pages of the admin take over a year of sample rows."""
