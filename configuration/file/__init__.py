"""The configuration file: its schema, its YAML, reading and exporting."""
