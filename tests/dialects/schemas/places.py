"""Where schemas go, and small ones to send there."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
OPENAI: Json = {"url": "https://api.openai.com/v1", "model": "gpt-5"}
PLACES = {
    "chat": ("openai_chat", OPENAI),
    "azure": ("openai_chat", {"profile": "azure"}),
    "responses": ("openai_responses", OPENAI),
    "openrouter": ("openai_chat", {"url": "https://openrouter.ai/api/v1", "model": "openai/gpt-5"}),
    "another": ("openai_chat", {"url": "https://models.example.com/v1"}),
}
TEXT = {"type": "string"}
A, B, C = ({"type": "string", "description": name} for name in "abc")


def an_object(properties: Json, *required: str, **fields: Any) -> Json:
    schema = {"type": "object", "properties": properties, **fields}
    return {**schema, "required": list(required)} if required else schema
