"""Teams and client keys: who may call."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """The lowest room: it imports no other."""

    name = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connects what a sign-in adds to its session."""
        from django.contrib.auth.signals import user_logged_in

        from access.sign_in.middleware import on_signed_in

        user_logged_in.connect(on_signed_in)
