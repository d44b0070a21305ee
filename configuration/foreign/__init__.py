"""Converts configuration files of other gateways."""
