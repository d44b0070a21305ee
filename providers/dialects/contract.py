"""What a dialect is: three questions about a wire format, answered without any input or output.

`request` says what to send, `decoder` reads what comes back, `error` reads a refusal. See docs/adding-a-dialect.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from providers.config import ModelConfig, ProviderConfig, Secret
from providers.errors import UpstreamError
from providers.events import Event
from providers.fidelity import Notes


class Call(msgspec.Struct, frozen=True):
    """All that a dialect may look at when it writes an upstream request.

    `body` is the Claude request after the transforms; it is shared between attempts, so a dialect never changes it.
    `headers` are the client's own headers in lower case, already without credentials and hop-by-hop names.
    `input_estimate` is a guess at the prompt's tokens. Whatever is dropped, changed or emulated goes into `notes`.
    """

    body: dict[str, Any]
    model: ModelConfig
    provider: ProviderConfig
    secret: Secret | None = None
    headers: Mapping[str, str] = {}
    session_id: str | None = None
    input_estimate: int | None = None
    notes: Notes = msgspec.field(default_factory=Notes)


class UpstreamRequest(msgspec.Struct, frozen=True):
    """A POST to the provider's base URL plus `path`; header names in lower case.

    `unsent_stops` are stop sequences that the provider could not be told: the answer is watched for them here.
    """

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    unsent_stops: tuple[str, ...] = ()


def as_it_is(answer: bytes) -> bytes:
    """An answer that has Claude's shape already."""
    return answer


class CountRequest(UpstreamRequest, frozen=True):
    """A request whose answer says how many input tokens there are.

    `read` puts that answer into Claude's shape, `{"input_tokens": n}`; it raises providers.errors.UpstreamError for one
    that holds no count.
    """

    read: Callable[[bytes], bytes] = as_it_is


class Decoder(Protocol):
    """Upstream bytes in, events out. Bytes may be cut anywhere."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes; a StreamFailed is the last one ever."""
        ...

    def close(self) -> list[Event]:
        """The events that the end of the body completes; an end that comes too early is a StreamFailed."""
        ...


class Dialect(Protocol):
    """One wire format.

    `warms_cache`: whether it understands `max_tokens: 0`, which is answered here otherwise. `verbatim`: whether the
    answer's blocks come through as the provider's own bytes, which stream edits do not look into.
    """

    name: str
    label: str
    default_path: str
    warms_cache: bool
    verbatim: bool

    def takes_urls(self, provider: ProviderConfig) -> bool:
        """Whether this provider may be told media by their web address; else they are fetched before `request`."""
        ...

    def request(self, call: Call) -> UpstreamRequest:
        """The upstream request for a Claude request; always a streaming one.

        Raises providers.errors.UnsupportedRequest when the dialect cannot say it.
        """
        ...

    def count_request(self, call: Call) -> CountRequest | None:
        """The upstream request that counts input tokens, or None if the provider does not count."""
        ...

    def decoder(self, content_type: str, call: Call) -> Decoder:
        """A new decoder for one successful response, by its content type (a server may answer JSON to a stream).

        `call` is the call being answered: its body tells, for instance, which tool names were renamed on the way.
        """
        ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """What a response with an error status means."""
        ...
