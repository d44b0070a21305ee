"""Whatever an upstream sends: one end, a legal Claude stream, and no exception but "too long"."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.dialects import DIALECTS
from providers.events import StreamFailed
from providers.framing.sse import MAX_EVENT_BYTES, EventTooLong
from tests.claude.wire import TYPES, cases, make_call
from tests.fuzz.judge import judge
from tests.fuzz.mutations import mutated, pieces_of, unusual
from tests.harness.speakers import SPEAKERS

CASES = {dialect: cases(dialect) for dialect in DIALECTS}
CONTENT_TYPES = sorted({*TYPES.values(), "", "text/html", "application/vnd.amazon.eventstream"})
NEVER_ENDING = {"line": b"a" * 65536, "document": b'data: {"a":' + b"[" * 65525, "lines": b"data: x\n" * 8192}
OWN_TYPES = {dialect: speaker.content_type for dialect, speaker in SPEAKERS.items()}
a_dialect = pytest.mark.parametrize("dialect", DIALECTS)


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
@settings(max_examples=600)
@given(seed=st.integers(0, 2**40))
def test_answers_as_providers_were_seen_to_send_them(dialect: str, seed: int) -> None:
    random = Random(seed)
    case = random.choice(CASES[dialect])
    body = unusual(case.body, case.ending, random)
    if random.random() < 0.2:
        body = mutated(body, random.choice(CASES[dialect]).body, case.ending, random)
    judge(dialect, pieces_of(body, random), TYPES[case.ending])


@a_dialect
@given(pieces=st.lists(st.binary(max_size=80), max_size=8), content_type=st.sampled_from(CONTENT_TYPES))
def test_any_bytes(dialect: str, pieces: list[bytes], content_type: str) -> None:
    judge(dialect, pieces, content_type)


@a_dialect
def test_bytes_that_are_no_utf8_anywhere(dialect: str) -> None:
    for case in CASES[dialect]:
        body = case.body
        for at in range(0, len(body), 53):
            judge(dialect, [body[:at] + b"\xe0" + body[at + 1 :]], TYPES[case.ending])


@a_dialect
@pytest.mark.parametrize("content_type", sorted(TYPES.values()))
@pytest.mark.parametrize("depth", [900, 20_000, 100_000])
def test_json_that_is_nested_too_deeply(dialect: str, content_type: str, depth: int) -> None:
    """How deep is too deep depends on the version of Python, and on what reads it."""
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    text = json.dumps(deep.decode()).encode()
    for body in (
        deep,
        b'{"error":' + deep + b"}",
        b'{"type":"message_start","message":' + deep + b"}",
        b'{"type":"content_block_start","index":0,"content_block":{"type":"x","x":' + deep + b"}}",
        b'{"type":"response.completed","response":' + deep + b"}",
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":' + deep + b"}}]}}]}",
        b'{"message":{"tool_calls":[{"function":{"name":"f","arguments":' + deep + b'}}]},"done":true}',
        b'{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":' + text + b"}}]}}]}",
    ):
        judge(dialect, [body + b"\n"], content_type)
        judge(dialect, [b"data: " + body + b"\n\n"], content_type)
        DIALECTS[dialect].error(500, {}, body)


@pytest.mark.parametrize("piece", NEVER_ENDING.values(), ids=NEVER_ENDING)
@pytest.mark.parametrize(("dialect", "content_type"), [*OWN_TYPES.items(), ("anthropic", TYPES["json"])])
def test_what_never_ends_is_given_up(dialect: str, content_type: str, piece: bytes) -> None:
    """One line, one document or one event of more than 100 MB: held to MAX_EVENT_BYTES, not to the end."""
    assert _fed_until_given_up(dialect, content_type, piece) <= 2 * MAX_EVENT_BYTES


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
