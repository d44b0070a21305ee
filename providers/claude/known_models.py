"""What the known Claude models take, by family and version, under every spelling of their names.

Sources, all read in November 2026:
* thinking: https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting (2026-10-10)
* effort: https://platform.claude.com/docs/en/build-with-claude/effort (2026-10), and the 4.6 models' own words:
  "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."
* sampling: the section of that name of https://platform.claude.com/docs/en/build-with-claude/thinking (2026-10);
  temperature beside top_p: aws-samples/bedrock-chat#943 (2025-10), iOfficeAI/AionUi#912 (2026-02)
* prefill: https://platform.claude.com/docs/en/api/errors (2026-06), vercel/ai#12296 (2026-02)
* tool_choice: https://platform.claude.com/docs/en/models/opus-5-5/migration-guide (2026-09) and those of Sonnet 5.5 and
  Fable 5.1
* system messages: https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages (2026-09)
* output: https://platform.claude.com/docs/en/models/overview (2026-11)
* betas: vellum-ai/vellum-assistant#25302 (2026-04)
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from providers.claude.support import ClaudeSupport
from providers.config import ModelConfig

_FAMILIES = "opus|sonnet|haiku|fable|mythos"
_VERSION = r"(\d{1,2})(?:-(\d{1,2}))?(?!\d)"
# claude-opus-4-5-20251101, anthropic/claude-opus-4.5, eu.anthropic.claude-opus-4-5-v1:0; and claude-3-7-sonnet.
_NEW = re.compile(rf"claude-({_FAMILIES})-{_VERSION}")
_OLD = re.compile(rf"claude-{_VERSION}-({_FAMILIES})")
_PREVIEW = re.compile(r"claude-mythos-preview")

_FIRST = ClaudeSupport(thinking=(), efforts=(), system_messages=False, max_output=4096)
_BUDGETS = ClaudeSupport(thinking=("enabled", "disabled"), efforts=(), system_messages=False, max_output=64_000)
_ONE_SAMPLER = replace(_BUDGETS, sampling="one")
_EITHER = ClaudeSupport(
    thinking=("adaptive", "enabled", "disabled"),
    efforts=("low", "medium", "high", "max"),
    sampling="one",
    prefill=False,
    system_messages=False,
)
_ADAPTIVE = ClaudeSupport(
    thinking=("adaptive", "disabled"),
    efforts=("low", "medium", "high", "xhigh", "max"),
    sampling="none",
    prefill=False,
    system_messages=False,
    max_output=128_000,
)
_OPERATOR = replace(_ADAPTIVE, system_messages=True)
_ALWAYS = replace(_OPERATOR, thinking=("adaptive",))
_UNFORCED = replace(_ALWAYS, forced_tools=False)
_QUIET = ("low", "medium", "high")

_KNOWN: dict[tuple[str, int, int], ClaudeSupport] = {
    ("opus", 3, 0): _FIRST,
    ("sonnet", 3, 0): _FIRST,
    ("haiku", 3, 0): _FIRST,
    ("sonnet", 3, 5): replace(_FIRST, max_output=8192),
    ("haiku", 3, 5): replace(_FIRST, max_output=8192),
    # 64,000 without the beta output-128k.
    ("sonnet", 3, 7): replace(_BUDGETS, max_output=128_000),
    ("sonnet", 4, 0): _BUDGETS,
    ("opus", 4, 0): replace(_BUDGETS, max_output=32_000),
    ("opus", 4, 1): replace(_ONE_SAMPLER, max_output=32_000),
    ("sonnet", 4, 5): _ONE_SAMPLER,
    ("opus", 4, 5): replace(_ONE_SAMPLER, efforts=_QUIET),
    ("haiku", 4, 5): replace(_ONE_SAMPLER, refused_betas=("context-1m-",)),
    ("opus", 4, 6): replace(_EITHER, max_output=128_000),
    ("sonnet", 4, 6): _EITHER,
    ("opus", 4, 7): _ADAPTIVE,
    ("opus", 4, 8): _OPERATOR,
    ("opus", 5, 0): replace(_OPERATOR, efforts_without_thinking=_QUIET),
    ("opus", 5, 5): _UNFORCED,
    ("sonnet", 5, 0): _ADAPTIVE,
    ("sonnet", 5, 5): replace(
        _OPERATOR, thinking=("adaptive", "between_tools"), efforts_without_thinking=_QUIET, forced_tools=False
    ),
    # Nothing says that it takes system messages inside the conversation, and earlier ones of the family refuse them.
    ("haiku", 5, 5): replace(_ADAPTIVE, efforts_without_thinking=_QUIET),
    ("fable", 5, 0): _ALWAYS,
    ("mythos", 5, 0): _ALWAYS,
    ("fable", 5, 1): _UNFORCED,
    ("mythos", 5, 1): _UNFORCED,
    ("fable", 5, 2): _UNFORCED,
}
_MYTHOS_PREVIEW = replace(
    _ADAPTIVE, thinking=("adaptive", "enabled"), efforts=("low", "medium", "high", "max"), max_output=None
)


@lru_cache(maxsize=1024)
def known_support(name: str) -> ClaudeSupport | None:
    """What the model of that name takes; None for a name that tells nothing, such as an ARN or a newer model's."""
    spelled = name.lower().replace(".", "-").replace("_", "-")
    if found := _NEW.search(spelled):
        family, major, minor = found[1], found[2], found[3]
    elif found := _OLD.search(spelled):
        family, major, minor = found[3], found[1], found[2]
    else:
        return _MYTHOS_PREVIEW if _PREVIEW.search(spelled) else None
    return _KNOWN.get((family, int(major), int(minor or 0)))


def support_for(model: ModelConfig) -> ClaudeSupport | None:
    """What a model takes: by its row, or by its name where the row says nothing."""
    return known_support(model.name) if model.supports is None else model.supports


def seeded_support(name: str) -> dict[str, Any] | None:
    """What the row of a known model says of it, as JSON; None for a name that tells nothing."""
    known = known_support(name)
    return None if known is None else msgspec.json.decode(msgspec.json.encode(known), type=dict[str, Any])
