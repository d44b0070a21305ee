"""What one request of a chaos run does: how its upstreams behave and when its client leaves. Travels in the prompt."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

Behaviour = Literal["answer", "refuse", "reset", "cut", "error"]
"""A whole answer; an HTTP error; a reset before any byte; an end in the middle; an error event in the middle."""

_MARK = re.compile(rb"plan-((?:[0-9a-f]{2})+)-")


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one upstream answers. Token counts are disjoint, as Claude counts; None is not reported.

    `wait` is seconds before the status, `pause` seconds after each of `words`.
    """

    way: Behaviour = "answer"
    words: int = 3
    wait: float = 0.0
    pause: float = 0.0
    status: int = 529
    input: int | None = 20
    cache_read: int | None = 10
    cache_write: int | None = None
    output: int | None = 7
    reasoning: int | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request: the route to ask for, the acts by place (the first segment of a provider's path), the client.

    `leaves` is when the client goes away: before any answer (after `patience` seconds), or after its first word.
    `padding` is how many words more the prompt has.
    """

    session: str
    route: str
    acts: dict[str, Act]
    stream: bool = True
    leaves: Literal["", "unanswered", "answered"] = ""
    patience: float = 0.15
    max_tokens: int = 1000
    padding: int = 0

    def body(self) -> dict[str, Any]:
        """The Messages request that carries this plan."""
        prompt = f"{'word ' * self.padding}Please answer plan-{msgspec.json.encode(self).hex()}-"
        return {
            "model": self.route,
            "max_tokens": self.max_tokens,
            "messages": [{"role": "user", "content": prompt}],
            "stream": self.stream,
        }


def plan_in(request: bytes) -> Plan:
    """The plan that an upstream finds in a request's bytes, whatever the dialect. Raises ValueError."""
    found = _MARK.search(request)
    if found is None:
        raise ValueError("a request without a plan")
    return msgspec.json.decode(bytes.fromhex(found[1].decode()), type=Plan)
