"""The start and the end of a Claude message as events; values of wrong types are left out."""

from __future__ import annotations

from typing import Any

from providers.claude.usage import clean_usage
from providers.dialects.anthropic.answer.tokens import read_usage
from providers.events import MessageFinished, MessageStarted, Tokens

# What every message_start has; servers that imitate Claude leave out some of it.
_ALWAYS: dict[str, Any] = {
    "type": "message",
    "role": "assistant",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
}
AT_THE_END = ("stop_reason", "stop_sequence", "stop_details", "container")
"""The members of a message that message_delta has in its `delta`."""
_NOWHERE = "not_available"
"""The inference_geo of models for which Claude's API tells none."""
_METRICS = "amazon-bedrock-invocationMetrics"


def started(message: dict[str, Any]) -> MessageStarted:
    """A message_start's `message`."""
    name, model = (value if isinstance(value := message.get(key), str) else None for key in ("id", "model"))
    usage = clean_usage(message.get("usage"))
    native = {**message, **_ALWAYS, "id": name, "usage": usage}
    if usage is None:
        return MessageStarted(name, model, native=native)
    tier, region = usage.get("service_tier"), usage.get("inference_geo")
    return MessageStarted(
        name,
        model,
        read_usage(usage),
        native,
        tier if type(tier) is str else None,
        region if type(region) is str and region != _NOWHERE else None,
    )


def finished(event: dict[str, Any]) -> MessageFinished | None:
    """A whole message_delta; None where it gives no reason for the end."""
    delta = event["delta"]
    reason, sequence, details = (delta.get(name) for name in ("stop_reason", "stop_sequence", "stop_details"))
    if not isinstance(reason, str) or not reason:
        return None
    sequence = sequence if isinstance(sequence, str) else None
    details = details if isinstance(details, dict) else None
    passed = {**delta, "stop_sequence": sequence} | ({"stop_details": details} if "stop_details" in delta else {})
    return MessageFinished(reason, sequence, details, native={**event, "delta": passed})


class Ending:
    """All that an answer's events say of its end, laid over one another; null leaves an older value.

    It is in message_delta, but servers put it elsewhere: beside `delta`, into a `message`, into message_stop. Claude
    itself has it in message_start where that has the content too; it counts when message_stop follows.
    """

    __slots__ = ("_event", "_of_start", "_usage_of_start")

    def __init__(self) -> None:
        self._event: dict[str, Any] | None = None
        self._of_start: dict[str, Any] = {}
        self._usage_of_start: Any = None

    def begun(self, message: dict[str, Any]) -> None:
        """A message_start's `message`."""
        if message.get("stop_reason"):
            self._of_start = {name: message[name] for name in AT_THE_END if name in message}
            self._usage_of_start = message.get("usage")

    def add(self, event: dict[str, Any]) -> tuple[Tokens | None, bool]:
        """A message_delta: its counts, and whether it is one at all."""
        delta, usage = event.get("delta"), event.get("usage")
        if not isinstance(delta, dict) or not isinstance(usage, dict) or delta.get("stop_reason") is None:
            found = _put_right(event)
            if found is None:
                return None, False
            event = found
        held = self._event
        if held is not None:
            event = {**held, **event}
            for part in ("delta", "usage"):
                event[part] = _laid_over(held.get(part), event.get(part))
        event["usage"] = clean_usage(event.get("usage"))
        self._event = event
        return read_usage(event["usage"]), True

    def stopped(self, event: dict[str, Any], limit: int | None) -> Tokens | None:
        """A message_stop: what the start said of the end counts now. The counts that came with it.

        An answer as long as the request's `limit` allowed, for whose end there is no reason, reached it.
        """
        tokens = self._stopped(event)
        held = self._event
        if held is not None and held["delta"].get("stop_reason") is None:
            counted = read_usage(held.get("usage"))
            if counted is not None and counted.reach(limit):
                held["delta"] = {**held["delta"], "stop_reason": "max_tokens"}
        return tokens

    def _stopped(self, event: dict[str, Any]) -> Tokens | None:
        of_start = None
        if self._of_start:
            held = self._event or {}
            self._event = {**held, "delta": _laid_over(self._of_start, held.get("delta"))}
            # The counts beside a reason of the end are those of the end, unless it has its own.
            of_start = None if held.get("usage") else read_usage(clean_usage(self._usage_of_start))
        if len(event) == 1:
            return of_start
        counted = (self._event or {}).get("usage") or {}
        metered = None if counted.get("output_tokens") is not None else _metered(event.get(_METRICS))
        found = _put_right(event) or {"delta": {}, "usage": metered}
        return self.add({"type": "message_delta", "delta": found["delta"], "usage": found["usage"]})[0]

    def finished(self) -> MessageFinished | None:
        """The end; None as long as there is no reason for it."""
        return None if self._event is None else finished(self._event)


def _put_right(event: dict[str, Any]) -> dict[str, Any] | None:
    """A message_delta with what belongs into its `delta` and `usage` from wherever it was; None if there is nothing."""
    delta, message = ({} if not isinstance(part := event.get(name), dict) else part for name in ("delta", "message"))
    places = (delta, event, message)
    found = {name: next((place[name] for place in places if place.get(name) is not None), None) for name in AT_THE_END}
    usage = next((used for place in (event, message, delta) if isinstance(used := place.get("usage"), dict)), None)
    known = {name: value for name, value in found.items() if value is not None}
    if not isinstance(event.get("delta"), dict) and not known and usage is None:
        return None
    rest = {name: value for name, value in event.items() if name not in AT_THE_END and name != "message"}
    own = {name: value for name, value in delta.items() if name != "usage"}
    return {**rest, "delta": own | known, "usage": usage}


def _metered(metrics: Any) -> dict[str, Any] | None:
    """The counts that Bedrock adds to message_stop, under Claude's names."""
    if not isinstance(metrics, dict):
        return None
    names = {
        "inputTokenCount": "input_tokens",
        "outputTokenCount": "output_tokens",
        "cacheReadInputTokenCount": "cache_read_input_tokens",
        "cacheWriteInputTokenCount": "cache_creation_input_tokens",
    }
    return {name: metrics[theirs] for theirs, name in names.items() if theirs in metrics}


def _laid_over(old: Any, new: Any) -> dict[str, Any]:
    """Two objects in one; null in the newer one leaves the older value."""
    merged: dict[str, Any] = dict(old) if isinstance(old, dict) else {}
    for name, value in (new if isinstance(new, dict) else {}).items():
        if value is not None or name not in merged:
            merged[name] = value
    return merged
