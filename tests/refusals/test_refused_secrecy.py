"""Fifty refused requests with a mark in every field, and marked errors of providers: no row, log or page has a mark."""

from __future__ import annotations

import copy
import html
import json
import re
import secrets
from collections.abc import Iterator, Set
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.db import connection

from providers.dialects import DIALECTS
from providers.models import DroppedField
from tests.harness import speak
from tests.harness.call import Client
from tests.harness.configure import make_key, make_model, make_provider, make_route
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
from usage.models import AttemptLog

MARK = "zz9mark"


def mark() -> str:
    """A word that nothing else holds; as long as the beginning of a name in `model` that is stored is not."""
    return f"{MARK}{secrets.token_hex(6)}"


def _marked_body(model: str, prompt: str) -> dict[str, Any]:
    """Every field that a client can send, with a mark in each text, and unknown fields beside."""
    schema = {
        "type": "object",
        "title": mark(),
        "properties": {mark(): {"type": "string", "description": mark(), "enum": [mark()]}},
        mark(): mark(),
    }
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": mark()}}
    document = {
        "type": "document",
        "title": mark(),
        "context": mark(),
        "source": {"type": "text", "media_type": "text/plain", "data": mark()},
    }
    call = {"type": "tool_use", "id": "toolu_" + mark(), "name": "call_" + mark(), "input": {mark(): mark()}}
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": mark()}]}
    thought = {"type": "thinking", "thinking": mark(), "signature": mark()}
    return {
        "model": model,
        "max_tokens": 100,
        "stream": False,
        "system": [{"type": "text", "text": mark(), "cache_control": {"type": "ephemeral", "x": mark()}}],
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": f"{prompt} {mark()}", mark(): mark()}, image, document],
            },
            {"role": "assistant", "content": [thought, {"type": "text", "text": mark()}, call]},
            {"role": "user", "content": [result, {"type": "text", "text": mark()}]},
        ],
        "tools": [{"name": call["name"], "description": mark(), "input_schema": schema, mark(): mark()}],
        "tool_choice": {"type": "auto", "name": mark()},
        "metadata": {"user_id": mark(), mark(): mark()},
        "stop_sequences": [mark()],
        "thinking": {"type": "enabled", "budget_tokens": 1024, "display": mark()},
        "output_config": {"effort": mark(), "format": {"type": "json_schema", "name": mark(), "schema": schema}},
        "container": mark(),
        "service_tier": mark(),
        "context_management": {"edits": [{"type": mark()}]},
        "mcp_servers": [{"type": "url", "name": mark(), "url": f"https://{mark()}.example/{mark()}"}],
        mark(): mark(),
    }


def _broken(body: dict[str, Any]) -> list[Any]:
    """The body made wrong in many ways, with a mark where the wrong value stands."""
    made: list[Any] = []

    def wrong(path: tuple[Any, ...], *values: Any) -> None:
        for value in values:
            changed = copy.deepcopy(body)
            place: Any = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
            made.append(changed)

    wrong(("model",), None, 7, "", [mark()], {mark(): mark()}, "no-such-" + "x" * 300 + mark())
    wrong(("max_tokens",), None, mark(), -1, 1.5, [mark()], {mark(): mark()}, True)
    wrong(("stream",), mark(), 1, [mark()], {mark(): mark()})
    wrong(("messages",), None, [], mark(), {mark(): mark()}, [mark()], [[mark()]], [None], [{mark(): mark()}])
    wrong(("messages", 0, "role"), mark(), None, 3, [mark()], {mark(): mark()})
    wrong(("messages", 1), mark(), [mark()], {"role": "assistant", mark(): mark()})
    wrong(("messages", 2, "content"), 5, {mark(): mark()}, [mark()], [{mark(): mark()}], [{"type": 4, "text": mark()}])
    wrong(("system",), 5, {mark(): mark()}, [mark()], [{"text": mark()}])
    wrong(("tools",), mark(), {mark(): mark()}, [mark()], [[mark()]])
    deep: Any = mark()
    for _ in range(200):
        deep = {mark(): deep}
    wrong(("metadata",), deep)
    text = json.dumps(body)
    made += [
        text[:-1].encode(),
        text.encode() + mark().encode(),
        text.encode().replace(b'"', b"'"),
        f'"{mark()}"'.encode(),
    ]
    made += [f"[{text}]".encode(), mark().encode(), b"\xff" + text.encode()]
    return made


def _provider_errors(dialect: str) -> list[Reply]:
    """A provider's errors with marks in every field but its code, in the dialect's shape and in others."""
    headers = {"content-type": "application/json", "x-error": mark(), "retry-after": mark(), "set-cookie": mark()}
    shapes: list[Any] = [
        {"error": {"message": f"You said {mark()}", "param": mark(), "details": [{mark(): mark()}]}},
        {"error": {"message": mark(), "metadata": {"raw": json.dumps({"error": mark()}), "flagged_input": mark()}}},
        {"error": f"the model {mark()} is odd: '{mark()}'"},
        {"detail": [{"loc": [mark()], "msg": mark(), "input": mark()}]},
        {"message": f"{mark()}\n{mark()}"},
        [{"error": {"message": mark(), "innererror": {"content": mark()}}}],
        mark(),
    ]
    replies = [
        Reply([json.dumps(shape).encode()], status=status, headers=headers)
        for shape in shapes
        for status in (400, 401, 403, 404, 413, 429, 500, 503)
    ]
    replies += [speak.refusal(dialect, status, f'Your input "{mark()}" was flagged.') for status in (400, 403)]
    replies.append(Reply([f"<html><title>{mark()}</title>{mark()}</html>".encode()], status=502))
    replies.append(Reply([speak.opening(dialect, mark()), speak.error_in_stream(dialect, mark())]))
    replies.append(Reply([b"data: {" + mark().encode() + b"\n\n"]))
    return replies


def _names_of_fields(body: Any) -> Iterator[str]:
    """The name of every field, at any depth; what a tool is called with, and its schema, have none."""
    if isinstance(body, list):
        for one in body:
            yield from _names_of_fields(one)
    elif isinstance(body, dict):
        for name, value in body.items():
            yield name
            if name not in {"input", "input_schema", "schema"}:
                yield from _names_of_fields(value)


def _without(kept: Set[str], columns: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row without the names that may stand in the columns for them."""
    return tuple(
        " ".join(word for word in re.findall(r"\w+", str(value)) if word not in kept)
        if column in {"name", "dropped"}
        else value
        for column, value in zip(columns, row, strict=True)
    )


def _places(row: tuple[Any, ...]) -> list[str]:
    """What stands around each mark in a row."""
    text = repr(row)
    return [text[max(0, at - 60) : at + 20] for at in range(len(text)) if text.startswith(MARK, at)]


@pytest.mark.both_databases
def test_no_mark_of_a_refused_request_is_kept(
    orm: Rows, gateway: Gateway, hasty_gateway: Gateway, upstream: Upstream
) -> None:
    key = make_key()
    routes = {
        dialect: make_route([make_model(make_provider(dialect, f"{upstream.base_url}/kept"))]) for dialect in DIALECTS
    }
    incapable = make_route([make_model(make_provider("openai_chat", upstream.base_url), capabilities=["images"])])
    gateway.wait_snapshot()
    hasty_gateway.wait_snapshot()
    servers = [gateway, hasty_gateway]
    clients = [Client(server.base_url, key.secret) for server in servers]
    headers = {"x-custom": mark(), "anthropic-beta": mark(), "referer": mark(), "cookie": mark(), "accept": mark()}
    ids: list[str] = []
    # Names of fields, tools and betas that a provider was not sent are kept, so that an administrator can allow them.
    names = {headers["anthropic-beta"]}

    def marked(model: str, prompt: str) -> dict[str, Any]:
        body = _marked_body(model, prompt)
        names.update(_names_of_fields(body), (tool["name"] for tool in body["tools"]))
        return body

    for number, body in enumerate(_broken(marked(routes["openai_chat"].name, "Hi"))):
        answer = clients[number % 2].post(body, headers=headers)
        assert answer.status in {400, 404, 413}, (answer.raw, body)
        ids.append(answer.request_id)
    assert len(ids) >= 50
    ids.append(clients[0].post(marked(incapable.name, "Hi"), headers=headers).request_id)
    for dialect, route in routes.items():
        for number, reply in enumerate(_provider_errors(dialect)):
            script = upstream.script(reply)
            # The second server stores the first line of the provider's words, without quotations and keys.
            answer = clients[number % 2].post(marked(route.name, script.prompt), headers=headers)
            ids.append(answer.request_id)
    assert all(row.error_message for row in orm.of_key(key, len(ids)) if row.outcome in {"failed", "refused"})

    for model in apps.get_models():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            columns = [column[0] for column in cursor.description]
            kept = names if model in (DroppedField, AttemptLog) else frozenset()
            rows = [_without(kept, columns, row) for row in cursor.fetchall()]
            found = [where for row in rows for where in _places(row)]
            assert found == [], f"in table {model._meta.db_table}"
    for server in servers:
        assert [line for line in server.logs().splitlines() if MARK in line] == []
    assert MARK not in clients[0].get("/v1/me").raw.decode()
    registered = [each._meta for each in apps.get_models() if site.is_registered(each)]
    pages = ["/admin/", *(f"/admin/{meta.app_label}/{meta.model_name}/" for meta in registered)]
    pages += [f"/admin/usage/requestlog/{orm.request(each).pk}/change/" for each in ids[::40]]
    with Admin(gateway.base_url) as admin:
        for page in pages:
            # The page of a request shows the names that its attempts keep.
            assert set(re.findall(rf"\w*{MARK}\w*", html.unescape(admin.page(page)))) <= names, page
