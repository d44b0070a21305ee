"""Usage rows, their one writer, costs and reports."""

from django.apps import AppConfig


class UsageConfig(AppConfig):
    """Request and attempt rows."""

    name = "usage"
    verbose_name = "Usage"
    default_auto_field = "django.db.models.BigAutoField"
