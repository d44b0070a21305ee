"""Compares a provider's invoice or usage export with the attempts that were recorded here."""
