"""Reads the secrets of a provider's rows, and says which of them may not be used and why.

The reasons may reach a client, so they name no address.
"""

from __future__ import annotations

import os

from providers import secrets
from providers.config import CredentialConfig, Secret
from providers.credentials import headers
from providers.credentials.binding import destination_of, why_machine_refused
from providers.models import Credential, Provider
from routing.loading import BrokenConfiguration


def credential_config(row: Credential, secret: str) -> CredentialConfig:
    """Returns a credential as requests use it."""
    return CredentialConfig(
        id=row.pk or 0,
        name=row.name,
        secret=Secret(secret),
        position=row.position,
        weight=row.weight,
        requests_per_minute=row.requests_per_minute,
        tokens_per_minute=row.tokens_per_minute,
        concurrent=row.concurrent,
    )


def secret_of(row: Credential) -> str | None:
    """Returns a credential's secret, None where it has none now. Raises BrokenConfiguration."""
    if row.source == Credential.Source.ENVIRONMENT:
        return os.environ.get(row.variable, "").strip() or None
    if not row.ciphertext:
        return None
    try:
        return secrets.decrypt(row.ciphertext)
    except secrets.UnreadableSecret as error:
        raise BrokenConfiguration(f"The credential {row} cannot be read: {error}.") from error


def secret_headers(row: Provider) -> tuple[dict[str, str], str]:
    """Returns the values of a provider's secret headers, and why it cannot be called: it may need each of them."""
    found, refusal, now = {}, "", destination_of(row)
    for name, stored in row.secret_headers.items():
        if why := headers.why_inactive(stored, now):
            refusal = refusal or f"its secret header {name} is not sent ({why})"
            continue
        try:
            found[name] = headers.opened(stored)
        except secrets.UnreadableSecret as error:
            raise BrokenConfiguration(
                f"The header {name} of the provider {row.name} cannot be read: {error}."
            ) from error
    return found, refusal


def refusal_of(row: Provider, inactive: tuple[tuple[str, str], ...], *, has_secret: bool, needs_secret: bool) -> str:
    """Returns why a provider is not called: a client may read it, so it names no address."""
    if has_secret:
        return ""
    if not needs_secret:
        return why_machine_refused(row.platform, row.base_url)
    causes = "; ".join(f"{name}: {why}" for name, why in inactive)
    return f"the provider has no usable credential ({causes})" if causes else "the provider has no usable credential"
