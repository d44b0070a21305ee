"""Transforms of other gateways whose work is done elsewhere here, and where: for whoever types such a name."""

from __future__ import annotations

ELSEWHERE: dict[str, str] = {
    "anthropic": "choose the dialect anthropic",
    "openai": "choose the dialect openai_chat",
    "openai-responses": "choose the dialect openai_responses",
    "gemini": "choose the dialect gemini",
    "vertex-gemini": "choose the dialect gemini and the platform vertex",
    "vertex-claude": "choose the dialect anthropic and the platform vertex",
    "vertex-openai": "choose the dialect openai_chat with the base URL of Vertex AI's OpenAI-compatible endpoint",
    "deepseek": "choose the profile deepseek",
    "openrouter": "choose the profile openrouter, and customparams for further fields such as provider",
    "groq": "choose the profile groq",
    "cerebras": "choose the profile cerebras",
    "vercel": "choose the dialect openai_chat, and customparams for further fields",
    "ollama": "choose the dialect ollama",
}
"""By name in lower case; each completes “... is no transform here: ”."""


def direction(name: str) -> str | None:
    """Where the work of a transform of that name is done here, as a sentence; None for a name nobody knows."""
    where = ELSEWHERE.get(name.strip().lower())
    return None if where is None else f"{name} is no transform here: {where}."
