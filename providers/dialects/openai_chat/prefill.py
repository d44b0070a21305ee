"""An answer that the request begins, as each family of servers takes it.

A server that is not told so ends the message and starts another one, or refuses it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from providers.claude.prefill import begins_answer, may_go_on
from providers.config import ModelConfig, ProviderConfig
from providers.dialects.contract import Call
from providers.dialects.openai_chat.profiles import profile_of
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.fidelity import Fidelity

PATH = "/chat/completions"


class Prefill(msgspec.Struct, frozen=True):
    """What the server is told: `fields` of the body, `mark` of the last message, where to.

    `asks`: a user message asks the model to go on instead. `stops_thinking`: the model thinks where it is not told
    otherwise. `is_echoed`: the answer repeats the beginning, as Mistral's do.
    """

    path: str = PATH
    fields: dict[str, Any] = {}
    mark: dict[str, Any] = {}
    asks: bool = False
    stops_thinking: bool = True
    is_echoed: bool = False


def continues(provider: ProviderConfig, model: ModelConfig) -> bool:
    """Whether a model at this provider goes on with a begun answer: by its row, or because the server has a way."""
    return "prefill" in model.capabilities or profile_of(provider).prefill not in ("as_is", "asked")


def prefill_of(call: Call, profile: Profile) -> Prefill | None:
    """How the request's beginning of the answer is sent; None where it has none."""
    if not begins_answer(call.body):
        return None
    able = profile.prefill != "asked" or "prefill" in call.model.capabilities
    if not able or not may_go_on(call.body):
        call.notes.add(Fidelity.PREFILL_RESTATED)
        return Prefill(asks=True, stops_thinking=False)
    match profile.prefill:
        case "prefix":
            path = _beta_path(call.provider.base_url) if profile.prefill_beta else PATH
            return Prefill(path=path, mark={"prefix": True}, is_echoed=not profile.prefill_beta)
        case "partial":
            return Prefill(mark={"partial": True})
        case "continue_final_message":
            return Prefill(fields={"add_generation_prompt": False, "continue_final_message": True})
    return Prefill(stops_thinking=False)


def _beta_path(base_url: str) -> str:
    """Relative to the base URL; its own path may be empty, /v1 or /beta itself. A proxy has its own paths."""
    parts = urlsplit(base_url)
    if not (parts.hostname or "").endswith("deepseek.com") or parts.path == "/beta":
        return PATH
    return f"{'/..' * len(parts.path.strip('/').split('/')) if parts.path.strip('/') else ''}/beta{PATH}"
