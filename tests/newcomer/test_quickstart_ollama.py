"""quickstart with an Ollama: an address and no key, and the models that the server has."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from providers.models import Provider
from tests.harness.gateway import free_port
from tests.newcomer.test_quickstart import CLAUDE_MODELS, default_route, everything, line, models_of, run

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO_UPSTREAM = True


@pytest.fixture
def an_ollama() -> Iterator[Any]:
    """A server that lists models as Ollama does; `models` can be changed, `url` is its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(server.answer).encode()
            self.send_response(200 if self.path == "/api/tags" else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answer = {"models": [{"name": "nomic-embed-text:latest"}, {"name": "qwen3.8:27b"}, {"name": "gemma-4:31b"}]}
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/api"])
def test_ollama_is_asked_for_its_models(ending: str, an_ollama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_BASE_URL", an_ollama.url + ending)
    text = run()
    provider = Provider.objects.get(name="ollama")
    assert (provider.dialect, provider.base_url, provider.is_local) == ("ollama", an_ollama.url, True)
    assert not provider.credentials.exists()
    assert sorted(model.name for model in provider.models.all()) == ["gemma-4:31b", "qwen3.8:27b"]
    for name in CLAUDE_MODELS:
        assert models_of(name) == ["ollama: qwen3.8:27b"]
    assert models_of("gemma-4:31b") == ["ollama: gemma-4:31b"]
    assert default_route() == "claude-sonnet-5-5"
    assert "Skipped" not in text
    for row in (provider, *provider.models.all()):
        row.full_clean()
    rows = everything()
    an_ollama.answer = {"models": [{"name": "another"}]}
    assert "Skipped" not in run()
    monkeypatch.setenv("OLLAMA_BASE_URL", f"http://127.0.0.1:{free_port()}")
    assert "Skipped" not in run()
    assert everything() == rows


def test_ollama_answers_claudes_names_only_where_no_other_provider_does(
    an_ollama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_BASE_URL", an_ollama.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789abcdef")
    run()
    assert models_of("claude-opus-5-5") == ["anthropic: claude-opus-5-5"]
    assert models_of("qwen3.8:27b") == ["ollama: qwen3.8:27b"]


def test_an_ollama_that_does_not_answer_is_named_and_made_the_next_time(
    an_ollama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("OLLAMA_BASE_URL", url)
    assert f"no Ollama server answers at {url}" in line(run(), "  Skipped     ollama")
    assert not Provider.objects.filter(name="ollama").exists()
    an_ollama.answer = {"models": []}
    monkeypatch.setenv("OLLAMA_BASE_URL", an_ollama.url)
    assert "has no models" in line(run(), "  Skipped     ollama")
    an_ollama.answer = ["no", "Ollama"]
    assert "has no models" in line(run(), "  Skipped     ollama")
    an_ollama.answer = {"models": [{"name": "llama4"}, 7, {"name": 7}]}
    run()
    assert models_of("llama4") == ["ollama: llama4"]


@pytest.mark.parametrize("value", ["127.0.0.1:11434", "localhost", "ftp://127.0.0.1"])
def test_an_ollama_address_that_is_none_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_BASE_URL", value)
    assert "It must start with http://" in line(run(), "  Skipped     ollama")
