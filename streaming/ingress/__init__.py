"""The APIs that clients speak to the gateway, one folder each."""
