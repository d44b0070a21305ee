"""The gateway's system checks, each with an id and a hint."""

from __future__ import annotations

from django.core import checks

from proxysite.checks import deployment, stores, values

_ALWAYS = (
    *(deployment.encryption_key, deployment.debug_in_public, deployment.custom_router, values.choices, values.limits),
    *(deployment.mail, deployment.pages, stores.redis),
)
_OF_ROWS = (
    *(deployment.provider_enabled, deployment.credential_variables, deployment.plain_headers, stores.several_places),
)
CHECKS = (*_ALWAYS, *_OF_ROWS)
"""All of them; each takes apps and `databases`."""
_OF_SECURITY = {deployment.encryption_key, deployment.debug_in_public, values.choices}


def register_all() -> None:
    """Registers the checks with Django; those that query the database only run where databases are given."""
    for check in _ALWAYS:
        checks.register(check, *([checks.Tags.security] if check in _OF_SECURITY else []))
    for check in _OF_ROWS:
        checks.register(check, checks.Tags.database)
