"""The gateway's system checks, each with an id and a hint."""

from __future__ import annotations

from typing import Final

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


_TAG: Final = "gateway"
OF_SETTINGS: Final = (_TAG, "caches", "compatibility", "files", "security")
"""The tags of what `serve` checks at each start: what somebody has set. Django's other checks look at the code, load
all pages for that, and find the same wherever it runs; `./gateway check` and the tests make them."""


def register_all() -> None:
    """Registers the checks with Django; those that query the database only run where databases are given."""
    for check in _ALWAYS:
        checks.register(check, _TAG, *([checks.Tags.security] if check in _OF_SECURITY else []))
    for check in _OF_ROWS:
        checks.register(check, checks.Tags.database)
