"""The configuration in and out as a file, other gateways' files, and Explain."""
