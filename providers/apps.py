"""Who answers and how they speak."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ProvidersConfig(AppConfig):
    """Providers, their credentials and their models."""

    name = "providers"
    verbose_name = "Providers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Installs the triggers on prices after every migrate: SQLite loses them when a table is rebuilt."""
        from providers.pricing import triggers

        post_migrate.connect(triggers.install, sender=self, dispatch_uid="providers.pricing.triggers")
