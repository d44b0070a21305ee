"""A provider as requests would use it now, for pages and jobs that call it."""

from __future__ import annotations

from collections.abc import Mapping

from access.keys import Keys
from providers.config import ProviderConfig
from routing.loading import load, revision


class NotUsable(Exception):
    """The configuration does not allow a request now; the message says why and what to do."""


def providers() -> Mapping[int, ProviderConfig]:
    """Returns those that are enabled. Raises NotUsable."""
    try:
        return load.load_snapshot(revision.numbers(), keys=Keys()).providers
    except load.BrokenConfiguration as error:
        raise NotUsable(f"{error} Correct it and try again.") from error


def usable(enabled: Mapping[int, ProviderConfig], provider_id: int) -> ProviderConfig:
    """Returns one of them. Raises NotUsable."""
    found = enabled.get(provider_id)
    if found is None:
        raise NotUsable("The provider is disabled. Enable it, save it, and try again.")
    if found.refusal:
        raise NotUsable(f"The provider is not called: {found.refusal}.")
    return found
