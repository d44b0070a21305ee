"""Whatever an upstream sends: one end, a legal Claude stream, and no exception but "too long"."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.dialects import DIALECTS
from providers.events import MessageFinished, StreamFailed
from providers.sse import MAX_EVENT_BYTES, EventTooLong
from tests.claude.claude_stream import check_stream
from tests.claude.wire import TYPES, cases, claude_stream, decode, make_call
from tests.fuzz.mutations import mutated, pieces_of

CASES = {dialect: cases(dialect) for dialect in DIALECTS}
CONTENT_TYPES = sorted({*TYPES.values(), "", "text/html", "application/vnd.amazon.eventstream"})
NEVER_ENDING = {"line": b"a" * 65536, "document": b'data: {"a":' + b"[" * 65525, "lines": b"data: x\n" * 8192}
a_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def judge(dialect: str, pieces: list[bytes], content_type: str) -> None:
    """The promise: exactly one end, which is the last event, and a legal stream up to there."""
    events = decode(make_call(dialect), pieces, content_type)
    ends = [isinstance(event, MessageFinished | StreamFailed) for event in events]
    assert ends == [False] * (len(events) - 1) + [True], events
    stream = check_stream(claude_stream(events), complete=False, parsable_tools=False, new_words=True)
    assert stream.complete != (stream.error is not None)


@a_dialect
@settings(max_examples=600)
@given(seed=st.integers(0, 2**40))
def test_damaged_answers(dialect: str, seed: int) -> None:
    random = Random(seed)
    case, other = random.choice(CASES[dialect]), random.choice(CASES[dialect])
    body = mutated(case.body, other.body, case.ending, random)
    content_type = TYPES[case.ending] if random.random() < 0.95 else random.choice(CONTENT_TYPES)
    judge(dialect, pieces_of(body, random), content_type)


@a_dialect
@given(pieces=st.lists(st.binary(max_size=80), max_size=8), content_type=st.sampled_from(CONTENT_TYPES))
def test_any_bytes(dialect: str, pieces: list[bytes], content_type: str) -> None:
    judge(dialect, pieces, content_type)


@a_dialect
@pytest.mark.parametrize("content_type", sorted(TYPES.values()))
@pytest.mark.parametrize("piece", NEVER_ENDING.values(), ids=NEVER_ENDING)
def test_what_never_ends_is_given_up(dialect: str, content_type: str, piece: bytes) -> None:
    """One line, one document or one event of more than 100 MB: held to MAX_EVENT_BYTES, not to the end."""
    fed = _fed_until_given_up(dialect, content_type, piece)
    assert fed <= 2 * MAX_EVENT_BYTES


def _fed_until_given_up(dialect: str, content_type: str, piece: bytes) -> int:
    decoder = DIALECTS[dialect].decoder(content_type, make_call(dialect))
    fed = 0
    while fed < 100_000_000:
        fed += len(piece)
        try:
            events = decoder.feed(piece)
        except EventTooLong:
            break
        if any(isinstance(event, StreamFailed) for event in events):
            break
    return fed
