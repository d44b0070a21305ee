"""The registry of dialects: one line a dialect."""

from __future__ import annotations

from providers.dialects.anthropic import AnthropicDialect
from providers.dialects.contract import Dialect
from providers.dialects.gemini import GeminiDialect
from providers.dialects.ollama import OllamaDialect
from providers.dialects.openai_chat import OpenAIChatDialect
from providers.dialects.openai_responses import OpenAIResponsesDialect

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        OpenAIChatDialect(),
        OpenAIResponsesDialect(),
        AnthropicDialect(),
        GeminiDialect(),
        OllamaDialect(),
    )
}


def choices() -> list[tuple[str, str]]:
    """The dialects as a select's choices."""
    return [(dialect.name, dialect.label) for dialect in DIALECTS.values()]
