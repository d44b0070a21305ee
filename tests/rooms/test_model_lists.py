"""The model lists of every dialect as their providers write them, asked for over a socket."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from providers.config import CredentialConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.model_list import ListedModel
from providers.outbound.model_lists import NoModelList, model_list, read_list

LISTS: dict[str, tuple[Any, list[ListedModel]]] = {
    "openai_chat": (
        {
            "object": "list",
            "data": [
                {"id": "gpt-6.1", "object": "model", "created": 1},
                {"id": "a/b:free", "context_length": 131072, "top_provider": {"max_completion_tokens": 16384}},
                {"id": "vllm", "max_model_len": 8192},
                {
                    "id": "priced",
                    "pricing": {"prompt": "0.000003", "completion": "0.000015", "request": "0.01", "image": "0.1"},
                },
                {"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}},
                {"id": "half", "pricing": {"prompt": "0.000003"}},
                {
                    "id": "a/able",
                    "supported_parameters": ["tools", "reasoning", "seed", {}],
                    "architecture": {"input_modalities": ["text", "image", 7]},
                },
                {"object": "model"},
            ],
        },
        [
            ListedModel("gpt-6.1"),
            ListedModel("a/b:free", 131072, 16384),
            ListedModel("vllm", 8192),
            ListedModel("priced", amounts={"input": Decimal(3), "output": Decimal(15), "per_request": Decimal("0.01")}),
            ListedModel("auto"),
            ListedModel("half"),
            ListedModel("a/able", capabilities=("tools", "images", "thinking")),
        ],
    ),
    "openai_responses": ({"data": [{"id": "gpt-6.1"}]}, [ListedModel("gpt-6.1")]),
    "anthropic": (
        {"data": [{"type": "model", "id": "claude-x", "max_input_tokens": 1000000, "max_tokens": 128000}]},
        [ListedModel("claude-x", 1000000, 128000)],
    ),
    "gemini": (
        {
            "models": [
                {
                    "name": "models/gemini-x",
                    "inputTokenLimit": 1048576,
                    "outputTokenLimit": 65536,
                    "supportedGenerationMethods": ["generateContent", "countTokens"],
                },
                {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]},
            ]
        },
        [ListedModel("gemini-x", 1048576, 65536)],
    ),
    "ollama": ({"models": [{"name": "qwen:latest", "size": 7}]}, [ListedModel("qwen:latest")]),
}
PATHS = {
    "openai_chat": "/models",
    "openai_responses": "/models",
    "anthropic": "/v1/models?limit=1000",
    "gemini": "/models?pageSize=1000",
    "ollama": "/api/tags",
}
SECRETS = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}


def test_every_dialect_has_a_list() -> None:
    assert LISTS.keys() == DIALECTS.keys()


@pytest.mark.parametrize("dialect", LISTS)
def test_a_list_as_the_provider_writes_it(dialect: str) -> None:
    document, models = LISTS[dialect]
    assert read_list(dialect, json.dumps(document).encode()) == models


@pytest.mark.parametrize("content", [b"<html>", b"[1", b'{"data": 7}', b'{"other": []}', b"7", b"\xff"])
def test_what_is_no_list_is_shown(content: bytes) -> None:
    with pytest.raises(NoModelList, match="not a list of models") as found:
        read_list("openai_chat", content)
    assert "Check the base URL" in found.value.advice


class Server(ThreadingHTTPServer):
    """Answers every GET with `document` and keeps what it was sent."""

    document: Any = {}

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, dict[str, str]]] = []

    def provider(self, dialect: str, **fields: Any) -> ProviderConfig:
        """This server as a provider."""
        secret = CredentialConfig(1, "main", Secret("sk-list-0001"))
        given: dict[str, Any] = {"is_local": True, "credentials": (secret,), **fields}
        return ProviderConfig(1, "p", dialect, f"http://127.0.0.1:{self.server_port}/base", **given)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        body = json.dumps(self.server.document).encode()
        self.send_response(302 if self.server.document == "moved" else 200)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """A test says what it has to say itself."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("dialect", LISTS)
def test_the_list_is_asked_for_as_the_dialect_wants_it(dialect: str, server: Server) -> None:
    server.document, models = LISTS[dialect]
    provider = server.provider(dialect, headers=(("x-ours", "1"),))
    assert asyncio.run(model_list(provider)) == models
    ((path, headers),) = server.seen
    assert path == f"/base{PATHS[dialect]}"
    assert headers[SECRETS.get(dialect, "authorization")].endswith("sk-list-0001")
    assert headers["x-ours"] == "1"


def test_a_list_that_has_moved_gets_no_secret(server: Server) -> None:
    server.document = "moved"
    with pytest.raises(NoModelList, match="redirects"):
        asyncio.run(model_list(server.provider("openai_chat")))
    assert len(server.seen) == 1


def test_a_private_address_is_not_asked_unless_the_provider_is_local(server: Server) -> None:
    with pytest.raises(NoModelList, match="could not be fetched"):
        asyncio.run(model_list(server.provider("openai_chat", is_local=False)))
    assert server.seen == []


def test_a_platform_has_no_list() -> None:
    with pytest.raises(NoModelList, match="cannot be listed") as found:
        asyncio.run(model_list(ProviderConfig(1, "p", "anthropic", "https://example.com", platform="bedrock")))
    assert "by hand" in found.value.advice
