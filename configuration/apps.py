"""The Django app of configuration files and Explain."""

from django.apps import AppConfig


class ConfigurationConfig(AppConfig):
    """Reads and writes other apps' rows; it has no models."""

    name = "configuration"
    verbose_name = "Configuration"
    default_auto_field = "django.db.models.BigAutoField"
