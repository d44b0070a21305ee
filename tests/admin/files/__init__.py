"""Files of the admin: CSV and XLSX."""
