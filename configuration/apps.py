"""Configuration files and Explain."""

from django.apps import AppConfig


class ConfigurationConfig(AppConfig):
    """Reads and writes the rows of the rooms below; it has none of its own."""

    name = "configuration"
    verbose_name = "Configuration"
    default_auto_field = "django.db.models.BigAutoField"
