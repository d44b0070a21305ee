"""A stream at a moment, as workers write it and browsers read it: plain values under short names."""

from __future__ import annotations

import msgspec

MOST_RUNNING = 500
"""Rows of one page, and as many streams of a sample, those that began first."""
MOST_OTHERS = 500
"""Streams of one sample besides, some of everybody's."""
MOST_ENDED = 50
_TOO_SHORT = 0.2


class Stream(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One request, running or ended. `tokens` are those of the answer, `exact` says that the provider counted them.

    `seconds` have passed since it began, `first` until its first token, `quiet` since something was last sent; `rate`
    is tokens a second since the first one. `number` is that of the attempt. `at` is when it ended, in POSIX seconds,
    None while it runs. `cost` is in dollars.
    """

    id: str
    team_id: int | None = None
    team: str = ""
    owner_id: int | None = None
    owner: str = ""
    key_id: int | None = None
    key: str = ""
    route_id: int | None = None
    route: str = ""
    provider_id: int | None = None
    provider: str = ""
    model: str = ""
    number: int = 0
    streamed: bool = False
    seconds: float = 0.0
    first: float | None = None
    quiet: float | None = None
    tokens: int | None = None
    exact: bool = False
    rate: float | None = None
    at: float | None = None
    outcome: str = ""
    code: str = ""
    cost: float | None = None


NONE = msgspec.Raw(b"[]")


class Sample(msgspec.Struct, omit_defaults=True):
    """Streams of one worker, those that began first and some of everybody's; `left_off` ran besides. `ended` is a JSON
    list, which is the same from one sample to the next as long as none ends: it is written and read when that changes
    alone."""

    running: list[Stream] = []
    ended: msgspec.Raw = NONE
    left_off: int = 0


encode = msgspec.json.encode
decode = msgspec.json.Decoder(Sample).decode
decode_streams = msgspec.json.Decoder(list[Stream]).decode


def without_provider(stream: Stream) -> Stream:
    """Returns it as members and leads are told of it: without its provider, and numbers of what they have no page
    for."""
    return msgspec.structs.replace(stream, provider="", provider_id=None, route_id=None)


def per_second(tokens: int | None, seconds: float) -> float | None:
    """Returns the rate of an answer, None where it says nothing yet."""
    return round(tokens / seconds, 1) if tokens and seconds >= _TOO_SHORT else None
