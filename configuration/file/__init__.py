"""Our own configuration file: its schema, its YAML, reading and exporting."""
