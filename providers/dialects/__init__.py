"""The registry of dialects: one line a dialect."""

from __future__ import annotations

from providers.dialects.anthropic import ANTHROPIC
from providers.dialects.contract import Dialect
from providers.dialects.gemini import GEMINI
from providers.dialects.ollama import OLLAMA
from providers.dialects.openai_chat import OPENAI_CHAT
from providers.dialects.openai_responses import OPENAI_RESPONSES

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        OPENAI_CHAT,
        OPENAI_RESPONSES,
        ANTHROPIC,
        GEMINI,
        OLLAMA,
    )
}


def choices() -> list[tuple[str, str]]:
    """The dialects as a select's choices."""
    return [(dialect.name, dialect.label) for dialect in DIALECTS.values()]
