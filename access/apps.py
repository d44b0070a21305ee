"""Who may call: teams and client keys."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """The room at the bottom: it knows nobody above it."""

    name = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"
