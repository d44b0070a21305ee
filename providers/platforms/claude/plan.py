"""A server's table under the betas of one request: what is dropped, moved and restated, ready to look up."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import msgspec

from providers.claude.known_models import support_for
from providers.dialects.contract import Call
from providers.fidelity import Fidelity
from providers.platforms.claude.table import Place, Row, Server

Dropped = dict[str, Fidelity | None]


class Plan(msgspec.Struct, frozen=True):
    """What one request to the server loses or gets elsewhere: names -> the code that is noted."""

    fields: Dropped
    moved_fields: Dropped
    output_config: Dropped
    thinking: Dropped
    edits: Dropped
    tools: Dropped
    server_tools: Dropped
    messages: Dropped
    blocks: Dropped
    cache_control: Dropped
    restates_system: bool


def passed_betas(
    server: Server, asked: Collection[str], allowed: Collection[str] | None
) -> tuple[list[str], list[str]]:
    """The betas that are passed on, and those of `asked` that are not. `allowed` is the provider's own list, if any."""
    renamed = server.renamed_betas
    listed = server.betas if allowed is None else allowed
    passed: list[str] = []
    lost: list[str] = []
    for beta in asked:
        if beta in listed:
            passed.append(beta)
            continue
        names = [name for name in renamed.get(beta, ()) if name in listed]
        passed += names
        lost += [] if names else [beta]
    return list(dict.fromkeys(passed)), lost


def listed_betas(header: str) -> list[str]:
    """The betas in the value of a header."""
    return [beta for part in header.split(",") if (beta := part.strip())]


def chosen_betas(server: Server, asked: Collection[str], call: Call, *, counting: bool) -> list[str]:
    """The betas that go with one call: none to a count that takes none, and none that the model refuses."""
    if counting and not server.counts_betas:
        return []
    passed, lost = passed_betas(server, asked, getattr(call.provider.options, "betas", None))
    support = support_for(call.model)
    refused = support.refused_betas if support is not None else ()
    taken = [beta for beta in passed if not beta.startswith(refused)] if refused else passed
    if lost or len(taken) < len(passed):
        call.notes.add(Fidelity.BETA_DROPPED, *lost, *(beta for beta in passed if beta not in taken))
    return taken


@lru_cache(maxsize=256)
def plan_of(server: Server, betas: frozenset[str]) -> Plan:
    """The plan of a request that has these betas."""
    return Plan(
        fields=_dropped(server, "field", betas),
        moved_fields=_codes([row for row in server.at("field") if row.does == "moved"]),
        output_config=_dropped(server, "output_config", betas),
        thinking=_dropped(server, "thinking", betas),
        edits=_dropped(server, "edit", betas),
        tools=_dropped(server, "tool", betas),
        server_tools=_dropped(server, "server_tool", betas),
        messages=_dropped(server, "message", betas),
        blocks=_dropped(server, "block", betas),
        cache_control=_dropped(server, "cache_control", betas),
        restates_system=any(row.name == "role=system" and row.does == "restated" for row in server.at("message")),
    )


def _dropped(server: Server, place: Place, betas: frozenset[str]) -> Dropped:
    rows = [row for row in server.at(place) if row.does in ("dropped", "restated")]
    return _codes([row for row in rows if row.beta is None or row.beta not in betas])


def _codes(rows: list[Row]) -> Dropped:
    return {row.name: row.code for row in rows}
