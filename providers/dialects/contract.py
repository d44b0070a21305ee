"""What a dialect must have: functions that translate to and from one wire format, without any input or output.

See docs/adding-a-dialect.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from providers.config import ModelConfig, ProviderConfig, Secret
from providers.errors import UpstreamError
from providers.events import Event
from providers.fidelity import Notes
from providers.model_list import ModelList


class Call(msgspec.Struct, frozen=True):
    """All that a dialect may look at when it writes an upstream request.

    `body` is the Claude request after the transforms; it is shared between attempts, so a dialect never changes it.
    `headers` are the client's own headers in lower case, already without credentials and hop-by-hop names.
    `input_estimate` is an estimate of the prompt's tokens. `client_fields` are the provider's own fields that the
    client added; a dialect sends them where it sends nothing of that name itself. Whatever is dropped, changed or
    emulated goes into `notes`. `texts_only` is what providers.claude.blocks.holds_texts_only says of the body, or False
    where nobody asked it.
    """

    body: dict[str, Any]
    model: ModelConfig
    provider: ProviderConfig
    secret: Secret | None = None
    headers: Mapping[str, str] = {}
    session_id: str | None = None
    input_estimate: int | None = None
    notes: Notes = msgspec.field(default_factory=Notes)
    client_fields: Mapping[str, Any] = {}
    texts_only: bool = False


class UpstreamRequest(msgspec.Struct, frozen=True):
    """A POST to the provider's base URL plus `path`; header names in lower case.

    `unsent_stops` are stop sequences that could not be sent: the gateway watches the answer for them. `echo` is the
    beginning of the answer, which came with the request, where the provider's answer may repeat it.
    """

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    unsent_stops: tuple[str, ...] = ()
    echo: str = ""


def unchanged(answer: bytes) -> bytes:
    """An answer that has Claude's shape already."""
    return answer


class CountRequest(UpstreamRequest, frozen=True):
    """A request whose answer says how many input tokens there are.

    `read` puts that answer into Claude's shape, `{"input_tokens": n}`; it raises providers.errors.UpstreamError for one
    that holds no count.
    """

    read: Callable[[bytes], bytes] = unchanged


class Decoder(Protocol):
    """Upstream bytes in, events out. Bytes may be cut anywhere."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes; a StreamFailed is the last one ever."""
        ...

    def close(self) -> list[Event]:
        """The events that the end of the body completes; an end that comes too early is a StreamFailed."""
        ...


def has_prefill(provider: ProviderConfig, model: ModelConfig) -> bool:
    """Whether the model's row says that it goes on with an answer that the request begins."""
    return "prefill" in model.capabilities


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One wire format: its name in the database, its label in the admin, and functions that translate both ways.

    `request`: the upstream request for a Claude request, always a streaming one. Raises
    providers.errors.UnsupportedRequest for what the dialect cannot express.
    `decoder`: a new decoder for one successful response, by its content type (a server may answer JSON to a stream) and
    the call that is answered, whose body holds, for instance, which tools were renamed.
    `error`: what a response with an error status means, by its status, headers and body.
    `count_request`: the upstream request that counts input tokens, or None if the provider does not count.
    `list_models`: where the provider lists its models, and how the list is read.
    `takes_urls`: whether this provider may be sent media by their web address; else they are fetched before `request`.
    `continues`: whether a model at this provider goes on with an answer that the request begins; else its row says it.
    `warms_cache`: whether it understands `max_tokens: 0`, which the gateway answers itself otherwise.
    `verbatim`: whether the answer's blocks pass as the provider's own bytes, which stream edits cannot change.
    """

    name: str
    label: str
    request: Callable[[Call], UpstreamRequest]
    decoder: Callable[[str, Call], Decoder]
    error: Callable[[int, Mapping[str, str], bytes], UpstreamError]
    count_request: Callable[[Call], CountRequest | None]
    list_models: ModelList
    takes_urls: Callable[[ProviderConfig], bool]
    continues: Callable[[ProviderConfig, ModelConfig], bool] = has_prefill
    warms_cache: bool = False
    verbatim: bool = False


def counts_nothing(call: Call) -> None:
    """The `count_request` of a dialect whose servers do not count."""
