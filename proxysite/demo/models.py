"""The models that the demo upstream plays: one name for each way an upstream can behave."""

from __future__ import annotations

from typing import Final, Literal

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """An HTTP error in place of an answer."""

    status: int
    code: str
    message: str
    retry_after: int | None = None


class Manner(msgspec.Struct, frozen=True):
    """How a model answers.

    `delay`: seconds before each chunk; `pieces`: words in one chunk; `break_off`: what happens to a stream after its
    first few chunks; `words`: answer with so many numbered words; `eager`: calls tools that are offered unasked.
    """

    summary: str
    delay: float = 0.03
    pieces: int = 2
    thinks: bool = False
    eager: bool = False
    words: int = 0
    refusal: Refusal | None = None
    break_off: Literal["", "error", "drop"] = ""


MODELS: Final[dict[str, Manner]] = {
    "demo": Manner("Answers as a person types; thinks when asked to, calls tools when asked to."),
    "demo-think": Manner("Thinks before every answer.", thinks=True),
    "demo-parallel": Manner("Calls two tools at once whenever tools are offered.", eager=True),
    "demo-fast": Manner("Answers without delay.", delay=0),
    "demo-slow": Manner("Leaves two seconds between chunks.", delay=2.0, pieces=6),
    "demo-long": Manner("12,000 numbered words, or as many as 'count to N' asks for.", delay=0, pieces=1, words=12_000),
    "demo-fail": Manner(
        "Fails with 500 before it begins.",
        refusal=Refusal(500, "internal_error", "The demo upstream failed, as demo-fail always does."),
    ),
    "demo-fail-midstream": Manner("Sends an error in the middle of its stream.", break_off="error"),
    "demo-drop": Manner("Cuts the connection in the middle of its stream.", break_off="drop"),
    "demo-rate-limit": Manner(
        "Refuses with 429.",
        refusal=Refusal(
            429, "rate_limit_exceeded", "The demo upstream is rate-limited, as demo-rate-limit always is.", 3
        ),
    ),
    "demo-overloaded": Manner(
        "Refuses with 503.",
        refusal=Refusal(503, "overloaded", "The demo upstream is overloaded, as demo-overloaded always is.", 3),
    ),
}
