"""What a platform is: the URL, authentication and framing under which a cloud sells a dialect's models.

The dialect writes the body and decodes the answer as always; a platform moves the request to its own address, signs
it, and removes its framing from the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar

import msgspec

from providers.config import ProviderConfig
from providers.dialects.contract import Call, Decoder, Dialect, UpstreamRequest
from providers.errors import UpstreamError

CALLED = "called:"
"""Before a region that was called and that the answer does not confirm."""
R = TypeVar("R", bound=UpstreamRequest)
"""UpstreamRequest or CountRequest; the type is preserved."""


class Platform(Protocol):
    """One cloud. `dialects` names the dialects that it supports, `options` is the type of a provider's options.

    `bound_options` are those that choose a host or an account: a change of one makes credentials inactive. `own_hosts`
    are the hosts that may get this machine's own identity; None for a platform that never uses it.
    """

    name: str
    label: str
    dialects: frozenset[str]
    options: type[msgspec.Struct]
    bound_options: tuple[str, ...]
    own_hosts: re.Pattern[str] | None

    def missing(self) -> str:
        """Returns how to install a missing library; "" when all are installed."""
        ...

    def problems(self, base_url: str, options: msgspec.Struct) -> dict[str, str]:
        """Returns what is wrong with the combination of base URL and options, by field name."""
        ...

    def request(self, call: Call, request: R, *, counting: bool) -> R:
        """Returns the dialect's request at the platform's path, with the body that the platform expects.

        Raises providers.errors.UnsupportedRequest when the platform cannot do it.
        """
        ...

    async def authorized(self, call: Call, request: R) -> R:
        """Returns the request with authorisation headers; may fetch a token, which is cached.

        Raises providers.errors.UpstreamError (AUTHENTICATION) when that is impossible.
        """
        ...

    def decoder(self, content_type: str, decoder: Decoder) -> Decoder:
        """Returns the dialect's decoder, wrapped in one that removes the platform's framing."""
        ...

    def reported(self, provider: ProviderConfig, headers: Mapping[str, str]) -> tuple[str, str]:
        """Returns the service tier and the region of an answer, "" for what is not known.

        A region that the answer does not name is CALLED and the one that was called, which is the one that bills.
        """
        ...

    def error(self, dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """Returns the error that a response with an error status means."""
        ...


class NoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of a provider that is called directly: none."""


def options_of(platform: Platform | None, value: Any) -> msgspec.Struct:
    """Returns a provider's options as its platform's type. Raises msgspec.ValidationError."""
    return msgspec.convert(value, NoOptions if platform is None else platform.options)


def option_descriptions(platform: Platform) -> list[tuple[str, str]]:
    """Returns the fields of a platform's options with their descriptions."""
    components = msgspec.json.schema_components([platform.options])[1]
    fields = components[platform.options.__name__]["properties"]
    return [(name, schema.get("description", "")) for name, schema in fields.items()]


@cache
def missing_library(label: str, module: str, extra: str) -> str:
    """Returns how to install `module`, which the platform called `label` needs; "" when it is installed."""
    package, _, inner = module.partition(".")
    # A namespace package must exist before one can ask for what is inside it.
    if find_spec(package) is not None and (not inner or find_spec(module) is not None):
        return ""
    return (
        f"{label} needs a library that is not installed. Install it with: "
        f".venv/bin/pip install -r requirements-{extra}.txt (or make install EXTRAS={extra}); then restart."
    )
