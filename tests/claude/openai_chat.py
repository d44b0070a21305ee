"""What the tests of the openai_chat dialect share: a call to answer, the fixture folders, events as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects.contract import Call
from providers.dialects.openai_chat import OpenAIChatDialect
from providers.events import Event, StreamFailed

CASES = Path(__file__).parent.parent / "wire" / "openai_chat"
OPENAI = "https://api.openai.com/v1"
_MADE_ID = re.compile(r"toolu_[0-9a-f]{24}")


def make_call(
    body: dict[str, Any] | None = None,
    *,
    url: str = OPENAI,
    model: str = "gpt-4.1",
    capabilities: Iterable[str] = (),
    max_output: int | None = None,
    secret: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    session_id: str | None = None,
) -> Call:
    """A call of one model at one provider."""
    return Call(
        body=body if body is not None else {"messages": []},
        model=ModelConfig(1, 1, model, max_output=max_output, capabilities=frozenset(capabilities)),
        provider=ProviderConfig(1, "p", "openai_chat", url, headers=headers),
        secret=None if secret is None else Secret(secret),
        session_id=session_id,
    )


def upstream_body(body: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What goes out for a Claude request, decoded."""
    sent = OpenAIChatDialect().request(make_call(body, **options)).body
    decoded: dict[str, Any] = msgspec.json.decode(sent)
    return decoded


def decode(pieces: Iterable[bytes], call: Call | None = None) -> list[Event]:
    """The events of a body that comes in these pieces and ends after them."""
    decoder = OpenAIChatDialect().decoder("text/event-stream", call or make_call())
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def told(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events as JSON objects without what is None or false; ids that the decoder made up read `(made)`."""
    return [_told(event) for event in events]


def _told(event: Event) -> dict[str, Any]:
    name = type(event).__name__
    if isinstance(event, StreamFailed):
        error = event.error
        said: dict[str, Any] = {"kind": error.kind.value, "code": error.code, "message": error.message}
    else:
        said = msgspec.to_builtins(event)
    if _MADE_ID.fullmatch(str(said.get("id"))):
        said["id"] = "(made)"
    if "tokens" in said and said["tokens"] is not None:
        said["tokens"] = {kind: count for kind, count in said["tokens"].items() if count is not None}
    return {"event": name, **{key: value for key, value in said.items() if value is not None and value is not False}}
