"""Teams and client keys: who may call."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """The lowest room: it imports no other."""

    name = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"
