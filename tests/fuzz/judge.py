"""What must hold of every answer, however damaged."""

from __future__ import annotations

from providers.events import COMPLETE, MessageFinished, StreamFailed
from streaming.attempts.incoming import unreadable
from tests.claude.claude_stream import check_stream
from tests.claude.wire import claude_stream, decode, make_call


def judge(dialect: str, pieces: list[bytes], content_type: str) -> None:
    """The promise: exactly one end, which is the last event, a legal stream up to there, and calls that can be run."""
    try:
        events = decode(make_call(dialect), pieces, content_type)
    except RecursionError as error:
        # As an attempt makes it of what a decoder cannot read; tests/streaming/test_relay.py asks one.
        events = [StreamFailed(unreadable(error))]
    ends = [isinstance(event, MessageFinished | StreamFailed) for event in events]
    assert ends == [False] * (len(events) - 1) + [True], events
    stream = check_stream(claude_stream(events), complete=False, parsable_tools=False, new_words=True)
    assert stream.complete != (stream.error is not None)
    if stream.stop_reason in COMPLETE:
        assert all(isinstance(call.input, dict) for call in stream.tool_calls)
