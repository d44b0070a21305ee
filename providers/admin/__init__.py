"""Providers, credentials and models in the admin."""

from providers.admin import models, providers

__all__ = ["models", "providers"]
