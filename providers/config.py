"""Providers, credentials and models as frozen structs: what the hot path uses instead of database rows."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from providers.claude.support import ClaudeSupport
from usage.cost import Prices

CAPABILITIES: Final[dict[str, str]] = {
    "tools": "calls tools",
    "images": "reads images",
    "documents": "reads PDF documents",
    "thinking": "thinks before it answers",
    "structured_output": "follows a JSON schema",
    "prefill": "continues an answer that the request begins",
}
"""Everything that a model may or may not support: name -> meaning, as the admin shows it."""


class Secret:
    """A string that no log, repr or page shows by accident; only `reveal()` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Returns the secret, for the header that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('…')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Secret is not pickled")


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds: to connect, to the first event, between two events (comments do not count), and for the whole answer."""

    connect: float = 10.0
    first_event: float = 120.0
    idle: float = 120.0
    total: float = 1800.0


class TransformConfig(msgspec.Struct, frozen=True):
    """One transform of a chain, with its options as the admin stores them."""

    name: str
    options: dict[str, Any] = {}


class CredentialConfig(msgspec.Struct, frozen=True):
    """One secret of a provider. The lowest position is used first; limits hold per worker process, 0 is none."""

    id: int
    name: str
    secret: Secret
    position: int = 0
    weight: int = 1
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    concurrent: int = 0

    def is_limited(self) -> bool:
        """Whether it has a limit of its own."""
        return self.concurrent + self.requests_per_minute + self.tokens_per_minute > 0


class ProviderConfig(msgspec.Struct, frozen=True):
    """A company or server that answers. `base_url` has no trailing slash and is what is called, always.

    `needs_secret` is true when credentials are configured for it, usable or not. `profile` names the
    family of servers it belongs to; "" means the one that the base URL implies. `platform` names the cloud that sells
    its models, "" none, and `options` are the provider's for it. `client_fields` are further fields that clients may
    add here. Only with `is_local` may its address be private.
    """

    id: int
    name: str
    dialect: str
    base_url: str
    profile: str = ""
    platform: str = ""
    options: msgspec.Struct | None = None
    is_local: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    timeouts: Timeouts = Timeouts()
    client_fields: tuple[str, ...] = ()
    transforms: tuple[TransformConfig, ...] = ()
    credentials: tuple[CredentialConfig, ...] = ()
    needs_secret: bool = False
    proxy_url: str | None = None
    is_demo: bool = False
    secret_headers: frozenset[str] = frozenset()
    """Names of those of `headers` whose values nobody may see."""
    inactive: tuple[tuple[str, str], ...] = ()
    """Credentials that are not used: (name, why)."""
    refusal: str = ""
    """Why it is not called at all; "" when it is."""


class ModelConfig(msgspec.Struct, frozen=True):
    """One upstream model at one provider. `capabilities` holds names from `CAPABILITIES`.

    `priced_for` is what the prices hold for besides tokens, of providers.client_fields.protocol.PRICED.
    `supports` is what a Claude model takes in a request, None where nothing is known of it.
    `prices` holds past, present and future prices: `usage.cost.in_force` returns those of a moment.
    """

    id: int
    provider_id: int
    name: str
    context_window: int | None = None
    max_output: int | None = None
    capabilities: frozenset[str] = frozenset()
    prices: tuple[Prices, ...] = ()
    transforms: tuple[TransformConfig, ...] = ()
    supports: ClaudeSupport | None = None
    priced_for: frozenset[str] = frozenset()
