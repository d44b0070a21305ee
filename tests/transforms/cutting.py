"""Answers cut at every place: what a stream edit makes of them must not depend on how they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from providers.dialects.contract import Call
from providers.events import Event, MessageFinished, MessageStarted, TextDelta, ThinkingDelta, ToolArgumentsDelta
from providers.transforms import compile_chain
from providers.transforms.contract import StreamEdit
from tests.claude.claude_stream import ParsedStream, check_stream
from tests.claude.wire import claude_stream, make_call

END = MessageFinished("end_turn")
_PIECES: dict[type, str] = {TextDelta: "text", ThinkingDelta: "text", ToolArgumentsDelta: "json"}


def edits_of(chain: list[dict[str, Any]], call: Call | None = None) -> list[StreamEdit]:
    """The stream edits of a chain for one answer, in the order in which they see it."""
    return [make(call or make_call("openai_chat")) for make in compile_chain(chain).streams]


def through(edits: Sequence[StreamEdit], batches: Iterable[list[Event]]) -> list[Event]:
    """What comes out of some edits one behind the other, fed in these batches; small pieces as one."""
    given: list[Event] = []
    for events in batches:
        for edit in edits:
            events = edit.feed(events)
        given += events
    return joined(given)


def joined(events: Iterable[Event]) -> list[Event]:
    """The events with neighbouring deltas of one kind (and of one call) as one."""
    result: list[Event] = []
    for event in events:
        last = result[-1] if result else None
        field = _PIECES.get(type(event))
        same = type(last) is type(event) and getattr(last, "key", None) == getattr(event, "key", None)
        if field is not None and same:
            whole = getattr(last, field) + getattr(event, field)
            result[-1] = type(event)(*(whole if name == field else getattr(event, name) for name in _fields(event)))
        else:
            result.append(event)
    return result


def _fields(event: Event) -> tuple[str, ...]:
    return event.__struct_fields__


def apart(events: Iterable[Event]) -> list[list[Event]]:
    """Every event in a batch of its own, every delta one character long."""
    batches: list[list[Event]] = []
    for event in events:
        field = _PIECES.get(type(event))
        if field is None:
            batches.append([event])
            continue
        for character in getattr(event, field):
            batches.append(
                [type(event)(*(character if name == field else getattr(event, name) for name in _fields(event)))]
            )
    return batches


def cut_at(events: Iterable[Event], choose: Callable[[int], int]) -> list[list[Event]]:
    """The events in batches and pieces of sizes that `choose(at most)` gives."""
    pieces = [event for batch in apart(events) for event in batch]
    batches: list[list[Event]] = []
    while pieces:
        size = choose(len(pieces))
        batches.append(joined(pieces[:size]))
        pieces = pieces[size:]
    return batches


def sizes(data: st.DataObject) -> Callable[[int], int]:
    """Sizes for `cut_at`, chosen by Hypothesis."""
    return lambda most: data.draw(st.integers(1, min(most, 12)))


def streamed(events: Sequence[Event]) -> ParsedStream:
    """The Claude stream that a client gets of these events, held against every rule of the wire."""
    return check_stream(claude_stream([MessageStarted(), *events]))
