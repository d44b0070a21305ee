"""Providers, credentials and models in the admin."""

from providers.admin import providers

__all__ = ["providers"]
