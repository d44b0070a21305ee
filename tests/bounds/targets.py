"""Where requests go: every dialect, and servers whose rules change what is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from providers.counting.families import family_of
from providers.counting.prompt import Prompt
from providers.dialects.contract import Call
from providers.platforms.bedrock import BedrockOptions
from providers.platforms.vertex import VertexOptions
from providers.translation import Translation
from routing.facts import request_facts
from streaming.ingress.claude import intake
from tests.claude.wire import make_call

SERVERS = {
    "Claude": ("anthropic", "claude-sonnet-4-5", "https://api.anthropic.com"),
    "DeepSeek": ("anthropic", "deepseek-chat", "https://api.deepseek.com/anthropic"),
    "OpenAI": ("openai_chat", "gpt-4o", "https://api.openai.com/v1"),
    "Mistral": ("openai_chat", "mistral-large", "https://api.mistral.ai/v1"),
    "Kimi": ("openai_chat", "kimi-k2", "https://api.moonshot.ai/v1"),
    "OpenRouter": ("openai_chat", "anthropic/claude-4", "https://openrouter.ai/api/v1"),
    "Responses": ("openai_responses", "gpt-5", "https://api.openai.com/v1"),
    "Gemini": ("gemini", "gemini-2.5-pro", "https://generativelanguage.googleapis.com/v1beta"),
    "Ollama": ("ollama", "qwen3", "http://localhost:11434"),
}
PLATFORMS = {
    "Bedrock": ("anthropic", "anthropic.claude-sonnet-4-5-v1:0", "https://bedrock-runtime.eu-west-1.amazonaws.com"),
    "Vertex": ("anthropic", "claude-sonnet-4-5", "https://europe-west1-aiplatform.googleapis.com/v1/projects/p"),
}
OPTIONS = {"Bedrock": BedrockOptions(region="eu-west-1"), "Vertex": VertexOptions(project="p", location="europe-west1")}


def call_of(server: str, body: dict[str, Any]) -> Call:
    """A call to one of the servers."""
    dialect, model, url = (SERVERS | PLATFORMS)[server]
    call = make_call(dialect, body)
    return msgspec.structs.replace(
        call,
        model=msgspec.structs.replace(call.model, name=model),
        provider=msgspec.structs.replace(
            call.provider,
            base_url=url,
            platform=server.lower() if server in PLATFORMS else "",
            options=OPTIONS.get(server),
        ),
    )


def work(body: bytes, server: str) -> Iterator[Callable[[], object]]:
    """All that is done with a body on its way to a server, step by step. Raises what a client is told."""
    content = intake.parse(body)
    yield lambda: request_facts.gather(content, {}, len(body))
    intake.check(content)
    yield lambda: Prompt(content, family_of("claude-sonnet-4-5"))
    translation = Translation(call_of(server, content))
    yield translation.draft
    yield translation.count_draft
    yield lambda: translation.decoder("text/event-stream")
