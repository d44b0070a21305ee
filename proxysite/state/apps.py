"""The Django app of what the processes tell of themselves."""

from django.apps import AppConfig


class StateConfig(AppConfig):
    """Rows of workers."""

    name = "proxysite.state"
    label = "state"
    verbose_name = "State"
    default_auto_field = "django.db.models.BigAutoField"
