"""Usage rows, their one writer, costs and reports."""

from django.apps import AppConfig


class UsageConfig(AppConfig):
    """Request and attempt rows."""

    name = "usage"
    verbose_name = "Usage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connects what keeps the definitions of budgets that were used, and statements as they were closed."""
        from django.db.models.signals import post_migrate, pre_save

        from usage.budgets.definitions import refuse_change
        from usage.live import models  # noqa: F401 - nothing else of this room imports them
        from usage.statements import triggers

        # After every migrate: SQLite loses triggers when a table is rebuilt.
        post_migrate.connect(triggers.install, sender=self, dispatch_uid="usage.statements.triggers")
        pre_save.connect(refuse_change, sender="access.Budget", dispatch_uid="usage.budgets.definitions")
