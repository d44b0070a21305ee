"""The wire fixtures: what an upstream sends, and the events that this means, in files that a person can read.

`tests/wire/<dialect>/<case>/` holds `upstream.<ending>` (the bytes of a good answer's body: sse, ndjson, json) and
`expected.json` (its events as JSON, as `as_json` writes them; Claude's own dialect needs none, its streams come out as
they went in). Where they matter, `request.json` is the Claude request that is answered and `call.json` holds further
arguments of `make_call`, such as the profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from providers.claude.blocks import holds_texts_only
from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, UpstreamRequest
from providers.events import Event, StreamFailed
from streaming.attempts.incoming import unreadable
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import SseSink

ROOT = Path(__file__).parent.parent / "wire"
TYPES = {"sse": "text/event-stream; charset=utf-8", "ndjson": "application/x-ndjson", "json": "application/json"}
_MADE_ID = re.compile(r"toolu_[0-9a-f]{24}")


class Case(msgspec.Struct, frozen=True):
    """One fixture folder."""

    folder: Path

    @property
    def dialect(self) -> str:
        """The name of the folder that it stands in."""
        return self.folder.parent.name

    @property
    def upstream(self) -> Path:
        """The file with the body."""
        return next(self.folder.glob("upstream.*"))

    @property
    def body(self) -> bytes:
        """What the upstream sends."""
        return self.upstream.read_bytes()

    @property
    def ending(self) -> str:
        """sse, ndjson or json."""
        return self.upstream.suffix[1:]

    @property
    def expected(self) -> list[dict[str, Any]] | None:
        """The events that must come of it, where they are written down."""
        file = self.folder / "expected.json"
        return msgspec.json.decode(file.read_bytes()) if file.exists() else None

    @property
    def call(self) -> Call:
        """The call that is answered."""
        file = self.folder / "request.json"
        body = msgspec.json.decode(file.read_bytes()) if file.exists() else {"messages": []}
        options = self.folder / "call.json"
        return make_call(self.dialect, body, **(msgspec.json.decode(options.read_bytes()) if options.exists() else {}))

    def events(self, pieces: Iterable[bytes]) -> list[Event]:
        """The events of a body that comes in these pieces."""
        return decode(self.call, pieces, TYPES[self.ending])

    def __str__(self) -> str:
        return f"{self.dialect}-{self.folder.name}"


def cases(dialect: str = "*") -> list[Case]:
    """All fixtures, or those of one dialect."""
    return [Case(folder) for folder in sorted(ROOT.glob(f"{dialect}/*/")) if folder.is_dir()]


def make_call(
    dialect: str,
    body: dict[str, Any] | None = None,
    *,
    url: str = "https://api.example.com/v1",
    model: str = "a-model",
    capabilities: Iterable[str] = (),
    context_window: int | None = None,
    max_output: int | None = None,
    secret: str | None = None,
    session_id: str | None = None,
    client_headers: dict[str, str] | None = None,
    input_estimate: int | None = None,
    **provider: Any,
) -> Call:
    """A call of one model at one provider of a dialect; `provider` are further fields of its ProviderConfig."""
    body = body if body is not None else {"messages": []}
    return Call(
        body=body,
        model=ModelConfig(
            1, 1, model, context_window=context_window, max_output=max_output, capabilities=frozenset(capabilities)
        ),
        provider=ProviderConfig(1, "p", dialect, url, **provider),
        secret=None if secret is None else Secret(secret),
        headers=client_headers or {},
        session_id=session_id,
        input_estimate=input_estimate,
        texts_only=holds_texts_only(body),
    )


def sent(call: Call) -> UpstreamRequest:
    """What goes out for a call."""
    return DIALECTS[call.provider.dialect].request(call)


def sent_body(call: Call) -> dict[str, Any]:
    """The JSON of what goes out for a call."""
    decoded: dict[str, Any] = msgspec.json.decode(sent(call).body)
    return decoded


def decode(call: Call, pieces: Iterable[bytes], content_type: str = TYPES["sse"]) -> list[Event]:
    """The events of a body that comes in these pieces and ends after them."""
    decoder = DIALECTS[call.provider.dialect].decoder(content_type, call)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def claude_stream(events: Iterable[Event]) -> bytes:
    """What a client gets of these events; a failure becomes an error event, as in the gateway."""
    encoder = Encoder(SseSink(), "msg_ours", "our-model", 50)
    try:
        stream, failed = encoder.feed(events), encoder.failed
    except RecursionError as error:
        stream, failed = b"", unreadable(error)
    if failed is not None:
        return stream + encoder.fail("api_error", str(failed.message), "req_1")
    return stream + encoder.finish()


def as_json(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events as JSON objects without what is None or false; ids that the decoder made up read `(made)`."""
    return [_event_as_json(event) for event in events]


def _event_as_json(event: Event) -> dict[str, Any]:
    name = type(event).__name__
    if isinstance(event, StreamFailed):
        error = event.error
        fields: dict[str, Any] = {"kind": error.kind.value, "code": error.code, "message": error.message}
    else:
        fields = msgspec.to_builtins(event)
    if _MADE_ID.fullmatch(str(fields.get("id"))):
        fields["id"] = "(made)"
    if "tokens" in fields and fields["tokens"] is not None:
        fields["tokens"] = {kind: count for kind, count in fields["tokens"].items() if count is not None}
    return {"event": name, **{key: value for key, value in fields.items() if value is not None and value is not False}}
