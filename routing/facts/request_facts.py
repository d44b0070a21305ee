"""What routing knows of a request: gathered once, from the body and the headers, without reading long texts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from access.keys import KeyRecord
from access.tags import HEADER, Tagged, of_key, of_request
from providers.claude.client_json import small_object
from providers.counting.weight import Weight, weigh
from routing.facts.client import identify_client
from routing.facts.content import read_content
from usage.generated import function
from usage.sentence import LONGEST_ARGUMENT

DEFAULT_RATIO = 0.25
"""Tokens per byte of JSON until a session's own ratio is known; Claude Code's English requests have 0.15 to 0.35."""
_MIN_RATIO, _MAX_RATIO = 0.05, 1.0
_MAX_SESSIONS = 10_000


class Moment(NamedTuple):
    """What rules compare of the local time: `08:30`, and `mon` to `sun`."""

    clock: str
    weekday: str

    @classmethod
    def of(cls, now: datetime) -> Moment:
        """Returns the moment of a local time."""
        return cls(now.strftime("%H:%M"), now.strftime("%a").lower())


NEVER = Moment("", "")
"""For facts that have no time."""


class RequestFacts(msgspec.Struct, frozen=True):
    """Facts of one request.

    `input_estimate` is tokens, from `weight` and the session's ratio. `thinks`: thinking is switched on;
    `thinking_budget` is its tokens, 0 where none are given. `images`, `documents` and `web_search` are looked for
    everywhere, in tool results and tool types too. `subagent_tag` is what a <CCR-SUBAGENT-MODEL> tag names. `text` is
    the user's last message; it is never stored. `refers`: a block may refer to a file of the provider's account, or a
    tool to another model. `chosen` is what the custom callable answered.
    """

    request_model: str
    streamed: bool
    input_estimate: int
    weight: Weight = Weight(0)
    session_id: str = ""
    agent_id: str = ""
    client: str = ""
    client_kind: str = ""
    client_version: str = ""
    request_class: str = ""
    agent_type: str = ""
    max_tokens: int = 0
    thinks: bool = False
    thinking_budget: int = 0
    effort: str = ""
    images: bool = False
    documents: bool = False
    web_search: bool = False
    structured_output: bool = False
    prefill: bool = False
    tools: tuple[str, ...] = ()
    subagent_tag: str = ""
    text: str = ""
    refers: bool = False
    key: str = ""
    team: str = ""
    tags: tuple[str, ...] = ()
    clock: str = ""
    weekday: str = ""
    headers: Mapping[str, str] = {}
    metadata: Mapping[str, Any] = {}
    chosen: str | None = None

    @property
    def small_model(self) -> bool:
        """Whether the name in `model` is one of Claude's small models."""
        return "haiku" in self.request_model.lower()


_STORED = (
    "input_estimate",
    "client_kind",
    "max_tokens",
    "thinks",
    "thinking_budget",
    "effort",
    "images",
    "documents",
    "web_search",
    "structured_output",
    "prefill",
    "subagent_tag",
    "clock",
    "weekday",
)
_store = function("stored, facts", [f"if facts.{name}: stored[{name!r}] = facts.{name}" for name in _STORED])
"""_store(stored, facts) notes those that are not empty."""
# Any other word in its place is the client's text.
_EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})


def stored_facts(facts: RequestFacts) -> dict[str, Any]:
    """Returns the facts that a usage row stores beside its columns: none of the user's text, no metadata."""
    stored: dict[str, Any] = {}
    _store(stored, facts)
    if facts.effort and facts.effort not in _EFFORTS:
        del stored["effort"]
    if facts.subagent_tag:
        stored["subagent_tag"] = facts.subagent_tag[:LONGEST_ARGUMENT]
    if facts.tools:
        stored["tool_count"] = len(facts.tools)
    return stored


class TokenRatios:
    """Tokens per byte of the most recent sessions of this worker.

    The kind of text and the model's tokenizer hardly change within a session, and each answer says how many tokens its
    prompt had.
    """

    __slots__ = ("_limit", "_ratios")

    def __init__(self, limit: int = _MAX_SESSIONS) -> None:
        self._ratios: OrderedDict[str, float] = OrderedDict()
        self._limit = limit

    def learn(self, session_id: str, weight: Weight, tokens: int | None) -> None:
        """Stores a session's ratio from the tokens of a prompt, cached ones included; None is ignored."""
        if not session_id or tokens is None:
            return
        ratio = (tokens - weight.media_tokens) / weight.text_bytes if weight.text_bytes else 0.0
        if ratio <= 0.0:
            return
        self._ratios[session_id] = min(_MAX_RATIO, max(_MIN_RATIO, ratio))
        self._ratios.move_to_end(session_id)
        if len(self._ratios) > self._limit:
            self._ratios.popitem(last=False)

    def estimate(self, session_id: str, weight: Weight) -> int:
        """Returns about how many tokens a prompt of that weight has; at least 1."""
        ratio = self._ratios.get(session_id) if session_id else None
        return estimate(weight, DEFAULT_RATIO if ratio is None else ratio)


def estimate(weight: Weight, ratio: float = DEFAULT_RATIO) -> int:
    """Returns about how many tokens a prompt of that weight has with `ratio` tokens per byte; at least 1."""
    return (int(weight.text_bytes * ratio) + weight.media_tokens) or 1


def gather(
    request: dict[str, Any],
    headers: Mapping[str, str],
    size: int,
    ratios: TokenRatios | None = None,
    key: KeyRecord | None = None,
    now: Moment = NEVER,
) -> RequestFacts:
    """Returns the facts of a Claude request whose body has `size` bytes; header names are in lower case.

    `now` is what rules compare with, `ratios` the tokens per byte of sessions.
    """
    content = read_content(request)
    session_id = _session_id(request, headers)
    weight = weigh(request, size)
    client = headers.get("user-agent", "")[:80]
    kind, _, _, version = identify_client(client)
    agent_id, agent_type = headers.get("x-claude-code-agent-id"), headers.get("x-claude-code-agent-type")
    request_class = headers.get("x-claude-code-request-class")
    model, metadata, max_tokens = request.get("model"), request.get("metadata"), request.get("max_tokens")
    # By position: thirty fields by name took four times as long.
    return RequestFacts(
        model[:200] if isinstance(model, str) else "",
        request.get("stream") is True,
        estimate(weight) if ratios is None else ratios.estimate(session_id, weight),
        weight,
        session_id,
        agent_id[:80] if agent_id else "",
        client,
        kind,
        version,
        request_class[:40] if request_class else "",
        agent_type[:80] if agent_type else "",
        max_tokens if isinstance(max_tokens, int) else 0,
        content.thinks,
        content.thinking_budget,
        content.effort,
        content.images,
        content.documents,
        content.web_search,
        content.structured_output,
        content.prefill,
        content.tools,
        content.subagent_tag,
        content.text,
        content.refers,
        key.name if key is not None else "",
        key.team_name if key is not None else "",
        tagged(key, headers).seen if key is not None else (),
        now.clock,
        now.weekday,
        _without_tags(headers) if HEADER in headers else headers,
        metadata if isinstance(metadata, dict) else {},
    )


def tagged(key: KeyRecord, headers: Mapping[str, str]) -> Tagged:
    """Returns the tags of a key's request; header names are in lower case."""
    header = headers.get(HEADER)
    if header is None:
        return of_key(key.tags)
    return of_request(key.tags, key.client_tags, count=key.client_tags_count, header=header)


def named_session(headers: Mapping[str, str]) -> str:
    """Returns the session that a Claude Code header names, "" for none."""
    return headers.get("x-claude-code-session-id") or headers.get("x-claude-session-id") or ""


def _without_tags(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Returns what rules and custom callables may see of the headers: what a client says of its tags may be untrue."""
    return {name: value for name, value in headers.items() if name != HEADER}


def _session_id(request: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Returns the session from a Claude Code header, or from metadata.user_id (JSON, or `…_session_…`); 80 letters."""
    named = named_session(headers)
    if named:
        return named[:80]
    metadata = request.get("metadata")
    user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user_id, str):
        return ""
    if user_id.startswith("{"):
        session = (small_object(user_id) or {}).get("session_id")
        return session[:80] if isinstance(session, str) else ""
    return user_id.partition("_session_")[2][:80]
