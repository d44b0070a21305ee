"""The app that chooses which model answers."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RoutingConfig(AppConfig):
    """Configures the app; its triggers are installed after migrations."""

    name = "routing"
    verbose_name = "Routing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Installs the revision triggers after every migrate: SQLite loses them when a table is rebuilt."""
        from routing.loading import revision
        from routing.watch import triggers

        post_migrate.connect(revision.install_triggers, sender=self, dispatch_uid="routing.loading.revision")
        post_migrate.connect(triggers.install, sender=self, dispatch_uid="routing.watch.triggers")
