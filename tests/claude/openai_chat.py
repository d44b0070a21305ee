"""What the tests of the openai_chat dialect share: the suite's own tools, with OpenAI as the provider that is meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from providers.dialects.contract import Call
from providers.events import Event
from tests.claude import wire

OPENAI = "https://api.openai.com/v1"


def make_call(body: dict[str, Any] | None = None, *, url: str = OPENAI, model: str = "gpt-4.1", **options: Any) -> Call:
    """A call of one model at one provider."""
    return wire.make_call("openai_chat", body, url=url, model=model, **options)


def upstream_body(body: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What goes out for a Claude request, decoded."""
    return wire.sent_body(make_call(body, **options))


def decode(pieces: Iterable[bytes], call: Call | None = None) -> list[Event]:
    """The events of a body that comes in these pieces and ends after them."""
    return wire.decode(call or make_call(), pieces)


def at(profile: str, **options: Any) -> dict[str, Any]:
    """The options of a call to a server of this profile."""
    return {"profile": profile, **options}


def outcome(body: dict[str, Any], options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What goes out for a request, and the codes of what it lost."""
    call = wire.make_call("openai_chat", body, **options)
    return wire.sent_body(call), list(call.notes)
