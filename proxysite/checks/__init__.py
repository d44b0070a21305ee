"""The gateway's system checks, each with an id and a hint."""

from __future__ import annotations

from django.core import checks

from proxysite.checks import deployment, stores, values


def register_all() -> None:
    """Registers the checks with Django; those that query the database only run where databases are given."""
    checks.register(deployment.encryption_key, checks.Tags.security)
    checks.register(deployment.debug_in_public, checks.Tags.security)
    checks.register(deployment.custom_router)
    checks.register(values.choices, checks.Tags.security)
    checks.register(values.limits)
    checks.register(deployment.mail)
    checks.register(deployment.pages)
    checks.register(stores.redis)
    checks.register(deployment.provider_enabled, checks.Tags.database)
    checks.register(deployment.credential_variables, checks.Tags.database)
    checks.register(deployment.plain_headers, checks.Tags.database)
    checks.register(stores.several_places, checks.Tags.database)
