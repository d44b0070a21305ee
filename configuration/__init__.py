"""Configuration as a file: export, import, other gateways' formats; and Explain."""
