"""What must hold of every answer, however damaged."""

from __future__ import annotations

from providers.events import MessageFinished, StreamFailed
from tests.claude.claude_stream import check_stream
from tests.claude.wire import claude_stream, decode, make_call


def judge(dialect: str, pieces: list[bytes], content_type: str) -> None:
    """The promise: exactly one end, which is the last event, and a legal stream up to there."""
    events = decode(make_call(dialect), pieces, content_type)
    ends = [isinstance(event, MessageFinished | StreamFailed) for event in events]
    assert ends == [False] * (len(events) - 1) + [True], events
    stream = check_stream(claude_stream(events), complete=False, parsable_tools=False, new_words=True)
    assert stream.complete != (stream.error is not None)
