"""What the rules can see of a request: gathered once, from the body and the headers, cheaply."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from access.keys import KeyRecord
from providers.counting.weight import Weight, weigh
from routing.facts import clients
from routing.facts.content import read
from routing.facts.estimate import Ratios, estimate


class RequestFacts(msgspec.Struct, frozen=True):
    """Facts of one request.

    `input_estimate` is tokens, guessed from `weight` and from what the session taught. `thinks`: thinking is
    really on, `thinking_budget` its tokens where they are told. `images`, `documents` and `web_search` are looked
    for everywhere, tool results and tool types included. `subagent_tag` is what a <CCR-SUBAGENT-MODEL> tag names.
    `text` is the user's last words; it is looked at and never stored. `chosen` is what the custom callable answered.
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
        """Whether a small model of Claude's is asked for."""
        return "haiku" in self.request_model.lower()


_STORED = (
    *("request_model", "streamed", "input_estimate", "client_kind", "client_version", "request_class", "agent_type"),
    *(
        "max_tokens",
        "thinks",
        "thinking_budget",
        "effort",
        "images",
        "documents",
        "web_search",
        "structured_output",
        "prefill",
    ),
    *("subagent_tag", "tags", "clock", "weekday"),
)


def stored(facts: RequestFacts) -> dict[str, Any]:
    """The facts that a usage row keeps: none of the user's words, no header, no metadata."""
    kept = {name: value for name in _STORED if (value := getattr(facts, name))}
    if facts.tools:
        kept["tool_count"] = len(facts.tools)
    return kept


def gather(
    request: Mapping[str, Any],
    headers: Mapping[str, str],
    size: int,
    ratios: Ratios | None = None,
    *,
    key: KeyRecord | None = None,
    now: datetime | None = None,
) -> RequestFacts:
    """The facts of a Claude request whose body was `size` bytes; header names in lower case.

    `now` is the local time that rules speak of, `ratios` what earlier requests of sessions taught about tokens.
    """
    content = read(request)
    session_id = clients.session_id(request, headers)[:80]
    weight = weigh(request, size)
    kind, version = clients.identify(headers.get("user-agent", ""))
    metadata = request.get("metadata")
    max_tokens = request.get("max_tokens")
    return RequestFacts(
        request_model=str(request.get("model", ""))[:200],
        streamed=request.get("stream") is True,
        input_estimate=estimate(weight) if ratios is None else ratios.estimate(session_id, weight),
        weight=weight,
        session_id=session_id,
        agent_id=headers.get("x-claude-code-agent-id", "")[:80],
        client=headers.get("user-agent", "")[:80],
        client_kind=kind,
        client_version=version,
        request_class=headers.get("x-claude-code-request-class", "")[:40],
        agent_type=headers.get("x-claude-code-agent-type", "")[:80],
        max_tokens=max_tokens if isinstance(max_tokens, int) else 0,
        thinks=content.thinks,
        thinking_budget=content.thinking_budget,
        effort=content.effort,
        images=content.images,
        documents=content.documents,
        web_search=content.web_search,
        structured_output=content.structured_output,
        prefill=content.prefill,
        tools=content.tools,
        subagent_tag=content.subagent_tag,
        text=content.text,
        key=key.name if key is not None else "",
        team=key.team_name if key is not None else "",
        tags=key.tags if key is not None else (),
        clock=now.strftime("%H:%M") if now is not None else "",
        weekday=now.strftime("%a").lower() if now is not None else "",
        headers=headers,
        metadata=metadata if isinstance(metadata, dict) else {},
    )
