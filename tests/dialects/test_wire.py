"""Every dialect's fixtures: however the bytes are cut, the same events and one legal Claude stream; never an invented
end."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Iterable

import pytest

from providers.dialects import DIALECTS
from providers.events import Event, MessageFinished, StreamFailed, TokensReported
from tests.claude.claude_stream import check_stream
from tests.claude.wire import TYPES, Case, as_json, cases, claude_stream

ALL = cases()
STREAMS = [case for case in ALL if case.ending in {"sse", "ndjson"}]
a_case = pytest.mark.parametrize("case", ALL, ids=str)
a_stream = pytest.mark.parametrize("case", STREAMS, ids=str)

# What every dialect must have a fixture for, by a word in the folder's name; the rest is each dialect's own.
_NEEDED = {
    "text",
    "thinking",
    "tool",
    "parallel",
    "no_arguments",
    "length",
    "refusal",
    "error_first",
    "error_inside",
    "truncated",
    "multibyte",
}
_MADE_ID = re.compile(rb'"id":"toolu_[0-9a-f]{24}"')


def at_random(body: bytes) -> Iterable[bytes]:
    """The body in pieces of 1 to 60 bytes."""
    start = 0
    while start < len(body):
        size = random.randint(1, 60)
        yield body[start : start + size]
        start += size


CUTS: dict[str, Callable[[bytes], Iterable[bytes]]] = {
    "whole": lambda body: [body],
    "byte by byte": lambda body: (body[at : at + 1] for at in range(len(body))),
    "at random": at_random,
}
a_cut = pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)


def stream_of(case: Case, pieces: Iterable[bytes]) -> bytes:
    """The Claude stream, with ids that are made up anew each time left out."""
    return _MADE_ID.sub(b'"id":"(made)"', claude_stream(case.events(pieces)))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_has_its_fixtures(dialect: str) -> None:
    names = " ".join(case.folder.name for case in cases(dialect))
    assert [word for word in sorted(_NEEDED) if word not in names] == []


@a_case
def test_the_stream_is_legal(case: Case) -> None:
    check_stream(claude_stream(case.events([case.body])), complete=False)


@a_case
@a_cut
def test_the_same_stream_however_the_bytes_are_cut(case: Case, cut: Callable[[bytes], Iterable[bytes]]) -> None:
    if case.expected is not None:
        assert as_json(case.events(cut(case.body))) == case.expected
    assert stream_of(case, cut(case.body)) == stream_of(case, [case.body])


@a_stream
@a_cut
def test_the_same_stream_with_crlf(case: Case, cut: Callable[[bytes], Iterable[bytes]]) -> None:
    mark = b"\xef\xbb\xbf" if case.ending == "sse" else b""
    assert stream_of(case, cut(mark + case.body.replace(b"\n", b"\r\n"))) == stream_of(case, [case.body])


@a_stream
def test_the_same_stream_between_comments(case: Case) -> None:
    if case.ending == "sse":
        body = b": first\n\n" + re.sub(rb"\r?\n\r?\n", b"\n\n: OPENROUTER PROCESSING\n\nid: 3\n", case.body)
    else:
        body = b"\n\n" + case.body.replace(b"\n", b"\n\n")
    assert stream_of(case, at_random(body)) == stream_of(case, [case.body])


@a_case
def test_an_answer_cut_off_anywhere_never_ends_with_less_content(case: Case) -> None:
    whole = _without_counts(claude_stream(case.events([case.body])))
    call = case.call
    decoder = DIALECTS[case.dialect].decoder(TYPES[case.ending], call)
    before: list[Event] = []
    fed = 0
    for at in _places_to_cut(case.body):
        before += decoder.feed(case.body[fed:at])
        fed = at
        # Fed once, and closed as often as there are places: each time a copy, which shares the call that it only reads.
        events = before + copy.deepcopy(decoder, {id(call): call}).close()
        ends = [isinstance(event, MessageFinished | StreamFailed) for event in events]
        assert ends == [False] * (len(events) - 1) + [True], at
        if isinstance(events[-1], MessageFinished):
            assert _without_counts(claude_stream(events)) == whole, at


def _places_to_cut(body: bytes) -> list[int]:
    """Around the end of every line, at each of the last 60 bytes, and at twenty other places by a seed.

    Between two ends of lines a decoder does nothing but keep bytes, so a few of those places stand for all of them.
    """
    size = len(body)
    around = {at + step for at in range(size) if body[at] == ord("\n") for step in (-1, 0, 1)}
    anywhere = random.Random(size).sample(range(size), min(20, size))
    return sorted(at for at in {*around, *range(size - 60, size), *anywhere} if 0 <= at < size)


def _without_counts(stream: bytes) -> bytes:
    """The stream without what may still come after the end was announced, and with made-up ids unnamed."""
    stream = stream.replace(b'event: ping\ndata: {"type":"ping"}\n\n', b"")
    return re.sub(rb'"usage":\{[^{}]*(\{[^{}]*\}[^{}]*)*\}', b"", _MADE_ID.sub(b'"id":"(made)"', stream))


def test_counts_are_reported_before_the_end() -> None:
    for case in ALL:
        kinds = [type(event) for event in case.events([case.body])]
        if TokensReported in kinds:
            assert kinds[-1] is not TokensReported, case
