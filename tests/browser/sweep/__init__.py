"""Every page of the URLconf in a browser: nothing goes wrong, it fits a phone, and keeps nobody out."""
