"""The Django app of the site: settings, servers, checks and the console."""

from django.apps import AppConfig, apps


class ProxysiteConfig(AppConfig):
    """Registers the site's own system checks."""

    name = "proxysite"
    verbose_name = "Gateway"

    def ready(self) -> None:
        """Registers the checks, and calls Django's users and groups what the sidebar calls them."""
        from proxysite import checks

        apps.get_app_config("auth").verbose_name = "Site"

        checks.register_all()
