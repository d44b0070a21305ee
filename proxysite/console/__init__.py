"""Pages that look across rooms: the admin's home, the usage report, the provider test."""
