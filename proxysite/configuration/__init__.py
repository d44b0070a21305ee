"""Configuration in and out as a file: our own YAML, and what other gateways' files say in its words."""
