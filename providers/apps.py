"""Who answers and how they speak."""

from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    """Providers, their credentials and their models."""

    name = "providers"
    verbose_name = "Providers"
    default_auto_field = "django.db.models.BigAutoField"
