"""The Django app of the site: settings, servers, checks and the console."""

from django.apps import AppConfig


class ProxysiteConfig(AppConfig):
    """Registers the site's own system checks."""

    name = "proxysite"
    verbose_name = "Gateway"

    def ready(self) -> None:
        """Registers the checks."""
        from proxysite import checks

        checks.register_all()
