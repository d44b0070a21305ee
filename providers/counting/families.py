"""How the token counts of model families differ, as data. See docs/counting.md."""

from __future__ import annotations

import re

import msgspec


class Family(msgspec.Struct, frozen=True):
    """How one family counts. `factor` is its tokens per token of o200k_base, the vocabulary that text is counted with.

    `tool_prompt` is what the provider adds where there are tools, `tool_prompt_forced` where one must be called.
    An image has at most `image_tokens` tokens and is scaled down to `image_edge` pixels first.
    """

    name: str
    factor: float = 1.0
    is_claude: bool = False
    tool_prompt: int = 0
    tool_prompt_forced: int = 0
    keeps_thinking: bool = False
    image_tokens: int = 1568
    image_edge: int = 1568


OTHER = Family("other")
"""Everything except Claude: the vocabulary of OpenAI's models unchanged."""

# The tool prompts: https://platform.claude.com/docs/en/about-claude/pricing (2026-11). The factors were measured, see
# docs/counting.md. Images: https://platform.claude.com/docs/en/build-with-claude/vision (2026-11).
CLAUDE = Family("claude", 1.2, True, 346, 313)
"""Claude 3 to 4.6."""
CLAUDE_NEW = Family("claude-4.7", 1.55, True, 346, 313, True, 4784, 2576)
"""Claude 4.7 and later, whose tokenizer makes about 30 % more of the same text."""

_OLD = re.compile(r"claude-(?:instant|[23](?!\d))|claude-\w+-4(?:[-.@](?:[0-6]|20\d{6})(?!\d)|$)")


def family_of(model_name: str) -> Family:
    """Returns the family of a model by its provider's name for it."""
    name = model_name.lower()
    if "claude" not in name:
        return OTHER
    return CLAUDE if _OLD.search(name) else CLAUDE_NEW
