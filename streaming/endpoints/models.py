"""GET /v1/models and /v1/models/{id}: the routes that a key may use."""

from __future__ import annotations

import msgspec

from access.keys import KeyRecord
from routing import engine
from routing.phases import names
from routing.snapshot import Snapshot
from streaming.exchange.client import Client
from streaming.ingress.claude import catalog
from streaming.ingress.claude.errors import ClaudeError


async def list_models(query: bytes, client: Client, key: KeyRecord, snapshot: Snapshot) -> None:
    """Answers one page of the list. Raises ClaudeError 400 for a wrong query."""
    page = catalog.page(query, engine.usable_routes(key, snapshot), snapshot)
    await client.respond(200, msgspec.json.encode(page))


async def retrieve_model(name: str, client: Client, key: KeyRecord, snapshot: Snapshot) -> None:
    """Answers what a name means to this key: a route, an alias or one model. Raises ClaudeError 404 for none."""
    found = names.resolve(name, snapshot)
    if found is None or not key.may_use(found[0].name):
        raise ClaudeError(
            404, f"There is no model {name[:200]!r} for this client key. GET /v1/models lists the available models."
        )
    await client.respond(200, msgspec.json.encode(catalog.item(found[0])))
