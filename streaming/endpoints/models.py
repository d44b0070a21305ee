"""GET /v1/models and /v1/models/{id}: the routes that a key may use, as Claude's model list has them.

https://docs.claude.com/en/api/models-list
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec

from access.keys import KeyRecord
from routing.allow_list import usable_names, usable_routes
from routing.phases import names
from routing.snapshot import RouteConfig, Snapshot
from streaming.exchange.client import Client
from streaming.ingress.claude.errors import ClaudeError

_PAGE_SIZE = 20
_LARGEST_PAGE = 1000
_LONGEST = 20


async def list_models(query: bytes, client: Client, key: KeyRecord, snapshot: Snapshot) -> None:
    """Answers one page of the list. Raises ClaudeError 400 for a wrong query."""
    page = _page(query, usable_routes(key, snapshot), snapshot)
    await client.respond(200, msgspec.json.encode(page))


async def retrieve_model(name: str, client: Client, key: KeyRecord, snapshot: Snapshot) -> None:
    """Answers what a name means to this key: a route, an alias or one model. Raises ClaudeError 404 for none."""
    found = names.resolve(name, snapshot)
    disabled = names.disabled_route(name, snapshot) if found is None else ""
    if disabled and key.may_use(disabled):
        raise ClaudeError(404, f"The route {disabled!r} is switched off. This key may use: {_usable(key, snapshot)}.")
    if found is None or not key.may_use(found[0].name):
        raise ClaudeError(
            404, f"There is no model {name[:200]!r} for this client key. It may use: {_usable(key, snapshot)}."
        )
    await client.respond(200, msgspec.json.encode(_item(found[0])))


def _usable(key: KeyRecord, snapshot: Snapshot) -> str:
    return usable_names(key, snapshot) or "none yet, until an administrator of this gateway allows it some"


def _page(query: bytes, names: list[str], snapshot: Snapshot) -> dict[str, Any]:
    """Returns the page of the routes `names` that a query string asks for.

    Raises ClaudeError 400 for a wrong `limit`, or a cursor that is not in the list.
    """
    asked = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}
    limit = _limit(asked.get("limit", str(_PAGE_SIZE)))
    start, end = 0, len(names)
    if "after_id" in asked:
        start = _position(names, asked["after_id"], "after_id") + 1
    if "before_id" in asked:
        end = _position(names, asked["before_id"], "before_id")
        start = max(start, end - limit)
    shown = names[start:end][:limit]
    more = end > start + limit if "before_id" not in asked else start > 0
    return {
        "data": [_item(snapshot.routes[name]) for name in shown],
        "has_more": more,
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


def _item(route: RouteConfig) -> dict[str, Any]:
    """Returns a route as one model of the list."""
    first = route.candidates[0].model if route.candidates else None
    return {
        "type": "model",
        "id": route.name,
        "display_name": route.display_name,
        "created_at": route.created_at,
        "lifecycle": "active",
        "capabilities": None,
        "line": None,
        "deprecated_at": None,
        "retires_at": None,
        "max_input_tokens": first.context_window if first is not None else None,
        "max_tokens": first.max_output if first is not None else None,
    }


def _limit(text: str) -> int:
    # int() takes neither every character that is called a digit nor thousands of them.
    if not (text.isascii() and text.isdecimal() and len(text) < _LONGEST and 1 <= int(text) <= _LARGEST_PAGE):
        raise ClaudeError(400, f"limit: Input should be a whole number from 1 to {_LARGEST_PAGE}")
    return int(text)


def _position(names: list[str], name: str, field: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        raise ClaudeError(400, f"{field}: there is no model {name[:200]!r} in this list") from None
