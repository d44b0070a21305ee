"""The models of the demo upstream: one name for each behaviour of an upstream."""

from __future__ import annotations

from typing import Final, Literal

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """An HTTP error instead of an answer."""

    status: int
    code: str
    message: str
    retry_after: int | None = None


class Behaviour(msgspec.Struct, frozen=True):
    """How a model answers.

    `delay`: seconds before each chunk; `pieces`: words per chunk; `break_off`: how a stream ends after its first
    chunks; `words`: the number of numbered words to answer with; `eager`: calls tools without being asked to.
    """

    summary: str
    delay: float = 0.03
    pieces: int = 2
    thinks: bool = False
    eager: bool = False
    words: int = 0
    refusal: Refusal | None = None
    break_off: Literal["", "error", "drop"] = ""


MODELS: Final[dict[str, Behaviour]] = {
    "demo": Behaviour("Answers at typing speed; thinks and calls tools when asked to."),
    "demo-think": Behaviour("Thinks before every answer.", thinks=True),
    "demo-parallel": Behaviour("Calls two tools in parallel whenever tools are offered.", eager=True),
    "demo-fast": Behaviour("Answers without delay.", delay=0),
    "demo-slow": Behaviour("Pauses two seconds between chunks.", delay=2.0, pieces=6),
    "demo-long": Behaviour(
        "12,000 numbered words, or as many as 'count to N' asks for.", delay=0, pieces=1, words=12_000
    ),
    "demo-fail": Behaviour(
        "Fails with 500 before the first chunk.",
        refusal=Refusal(500, "internal_error", "The demo upstream failed, as demo-fail always does."),
    ),
    "demo-fail-midstream": Behaviour("Sends an error in the middle of its stream.", break_off="error"),
    "demo-drop": Behaviour("Closes the connection in the middle of its stream.", break_off="drop"),
    "demo-rate-limit": Behaviour(
        "Refuses with 429.",
        refusal=Refusal(
            429, "rate_limit_exceeded", "The demo upstream is rate-limited, as demo-rate-limit always is.", 3
        ),
    ),
    "demo-overloaded": Behaviour(
        "Refuses with 503.",
        refusal=Refusal(503, "overloaded", "The demo upstream is overloaded, as demo-overloaded always is.", 3),
    ),
}
