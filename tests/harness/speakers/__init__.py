"""The upstream's side of every dialect, so that one test runs over all of them."""

from __future__ import annotations

from tests.harness.speakers.anthropic import ClaudeSpeaker
from tests.harness.speakers.gemini import GeminiSpeaker
from tests.harness.speakers.ollama import OllamaSpeaker
from tests.harness.speakers.openai_chat import ChatSpeaker
from tests.harness.speakers.openai_responses import ResponsesSpeaker
from tests.harness.speakers.parts import Speaker

SPEAKERS: dict[str, Speaker] = {
    "openai_chat": ChatSpeaker(),
    "openai_responses": ResponsesSpeaker(),
    "anthropic": ClaudeSpeaker(),
    "gemini": GeminiSpeaker(),
    "ollama": OllamaSpeaker(),
}
