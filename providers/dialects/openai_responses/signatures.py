"""The parts of an answer that are not text: its encrypted reasoning, and the phase of its messages.

Both travel in the signature of a thinking block and return in the next request in the place that they had.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.blocks import Block
from providers.claude.signatures import origin_of, pack, unpack
from providers.dialects.contract import Call
from providers.dialects.openai_responses.answer.shapes import Item, Part

_KIND = "responses"


class Carried(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reasoning item, and the phase (commentary or final_answer) of the message that follows; either may be none."""

    reasoning: dict[str, Any] | None = None
    phase: str | None = None


def carried_reasoning(item: Item) -> dict[str, Any] | None:
    """A reasoning item as the API takes it back, or None for one that the API would look for in its store, in vain."""
    content = _parts(item.content, "reasoning_text")
    if not item.encrypted_content and not content:
        return None
    carried: dict[str, Any] = {"type": "reasoning"}
    if item.id:
        carried["id"] = item.id
    carried["summary"] = _parts(item.summary, "summary_text")
    if content:
        carried["content"] = content
    if item.encrypted_content:
        carried["encrypted_content"] = item.encrypted_content
    return carried


def signature_of(carried: Carried, origin: str) -> str:
    """The signature that carries it."""
    return pack(_KIND, origin, carried)


def read_signature(block: Block, origin: str) -> Carried | None:
    """What a thinking block carries for the model of this origin."""
    value = unpack(_KIND, origin, block.get("signature"))
    try:
        return None if value is None else msgspec.convert(value, Carried)
    except msgspec.ValidationError:
        return None


def origin(call: Call) -> str:
    """The model at the server that is called."""
    return origin_of(call.provider, call.model)


def _parts(parts: list[Part] | None, kind: str) -> list[dict[str, str]]:
    return [{"type": kind, "text": part.text} for part in parts or () if part.text]
