"""Usage rows, their one writer, costs and reports."""

from django.apps import AppConfig


class UsageConfig(AppConfig):
    """Request and attempt rows."""

    name = "usage"
    verbose_name = "Usage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connects what keeps the definitions of budgets that were used."""
        from django.db.models.signals import pre_save

        from usage.budgets.definitions import refuse_change

        pre_save.connect(refuse_change, sender="access.Budget", dispatch_uid="usage.budgets.definitions")
