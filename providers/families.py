"""What a family of models refuses wherever it is served: servers in between pass requests on, and refusals back.

By the model's name, under whatever prefix a server gives it (`openai/gpt-5`, `azure/o3`, `xai.grok-4`). A model whose
weights are open belongs to the server that runs it: gpt-oss takes what Groq or vLLM take.

| family | what it refuses | where that was seen |
|---|---|---|
| GPT-5 and later, the o series | any temperature but the default | decolua/9router#560 (2026-04) |
| the same | stop sequences | crewAIInc/crewAI#2661 (2025-04) |
| the o series | parallel_tool_calls | BerriAI/litellm#8980 (2025-03), run-llama/llama_index#20865 (2026-03) |
| every GPT, the o series | fewer than 16 output tokens | musistudio/claude-code-router#994 (2025-11) |
| Grok 4 and later, 3 mini, code | stop sequences | BerriAI/litellm#12635 (2025-07), lidge-jun/opencodex#5278 |
| Claude, by what its row says | sampling, a required call | RooCodeInc/Roo-Code#12162 (2026-04) |
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

from providers.claude.known_models import support_for
from providers.config import ModelConfig
from providers.openai import gpt_version, is_reasoning

_OPEN_WEIGHTS = re.compile(r"gpt-oss", re.IGNORECASE)
_O_SERIES = re.compile(r"^o[1-9]", re.IGNORECASE)
_GROK = re.compile(r"(?:^|[./])grok-(?:[4-9]|3-mini|code)", re.IGNORECASE)
_VENDOR = re.compile(r"^(?:openai|azure)[.:]", re.IGNORECASE)


class Family(msgspec.Struct, frozen=True):
    """What a model's family takes. `least_output` is the smallest limit of an answer, where it comes by a server."""

    sampling: Literal["any", "one", "none"] = "any"
    stops: bool = True
    parallel_control: bool = True
    forced_tools: bool = True
    least_output: int = 1

    def refused_sampling(self, given: dict[str, object]) -> set[str]:
        """Which of the given sampling parameters it refuses."""
        if self.sampling == "none":
            return set(given)
        return {"top_p"} if self.sampling == "one" and {"temperature", "top_p"} <= given.keys() else set()


_ANY = Family()
MOST_LEAST_OUTPUT = 16
"""No family's least limit of an answer is larger."""


def family_of(model: ModelConfig) -> Family:
    """What the model's family takes; everything where its name tells nothing."""
    support = support_for(model)
    if support is not None:
        return Family(sampling=support.sampling, forced_tools=support.forced_tools)
    return _named(model.name)


@lru_cache(maxsize=1024)
def _named(name: str) -> Family:
    bare = _VENDOR.sub("", name.rpartition("/")[2])
    if _OPEN_WEIGHTS.search(bare):
        return _ANY
    if is_reasoning(bare):
        return Family(
            "none", stops=False, parallel_control=_O_SERIES.match(bare) is None, least_output=MOST_LEAST_OUTPUT
        )
    if gpt_version(bare) is not None or bare.lower().startswith(("gpt-4", "chatgpt-")):
        return Family(least_output=MOST_LEAST_OUTPUT)
    return Family(stops=False) if _GROK.search(name) else _ANY
