"""What a platform is: the URL, authentication and framing under which a cloud sells a dialect's models.

The dialect writes the body and reads the answer as ever; a platform moves the request to its own address, signs it, and
takes its own framing off the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from providers.dialects.contract import Call, Decoder, Dialect, UpstreamRequest
from providers.errors import UpstreamError

R = TypeVar("R", bound=UpstreamRequest)
"""A request, or one that counts: it stays what it is."""


class Platform(Protocol):
    """One cloud. `dialects` are the names of those it speaks, `options` the type of a provider's options for it."""

    name: str
    label: str
    dialects: frozenset[str]
    options: type[msgspec.Struct]

    def missing(self) -> str:
        """How to install what this platform needs and is not there; "" when all is."""
        ...

    def faults(self, base_url: str, options: msgspec.Struct) -> dict[str, str]:
        """What is wrong with a provider's base URL and options taken together, by the name of the field."""
        ...

    def request(self, call: Call, request: R, *, counting: bool) -> R:
        """The dialect's request at the platform's own path, its body as the platform wants it.

        Raises providers.errors.UnsupportedRequest when the platform cannot do it.
        """
        ...

    async def authorized(self, call: Call, request: R) -> R:
        """The request with the headers that authorise it; may fetch a token, and keeps it while it lasts.

        Raises providers.errors.UpstreamError (AUTHENTICATION) when there is no way to.
        """
        ...

    def decoder(self, content_type: str, decoder: Decoder) -> Decoder:
        """The dialect's decoder behind one that takes the platform's framing off."""
        ...

    def error(self, dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """What a response with an error status means."""
        ...


class NoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For a provider that is called directly, which has nothing to set."""


def options_of(platform: Platform | None, value: Any) -> msgspec.Struct:
    """A provider's options as the type that its platform wants. Raises msgspec.ValidationError."""
    return msgspec.convert(value, NoOptions if platform is None else platform.options)


def described(platform: Platform) -> list[tuple[str, str]]:
    """The fields of a platform's options and what each is for, from their types."""
    components = msgspec.json.schema_components([platform.options])[1]
    fields = components[platform.options.__name__]["properties"]
    return [(name, schema.get("description", "")) for name, schema in fields.items()]
