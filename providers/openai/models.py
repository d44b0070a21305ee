"""What the names of OpenAI's models tell, for every dialect that OpenAI speaks.

https://platform.openai.com/docs/models, as of November 2026. A name that OpenAI did not give (a deployment at Azure, a
model of somebody else's) tells nothing: there the model's row says what it can do.
"""

from __future__ import annotations

import re

# The chat variants do not reason, and Azure's gpt-35-turbo is 3.5.
REASONING = re.compile(r"^(?:o[1-9]|gpt-(?:[5-9]|[12]\d)(?!\d)(?!\S*-chat)|gpt-oss|codex)", re.IGNORECASE)
"""Matches at the beginning of a bare name."""
_GPT = re.compile(r"^gpt-([1-9]|[12]\d)(?:\.(\d+))?(?![\d.a-z])", re.IGNORECASE)


def is_reasoning(name: str) -> bool:
    """Whether it is a reasoning model: the o series, GPT-5 and later, the open-weight models."""
    return REASONING.match(_bare(name)) is not None


def gpt_version(name: str) -> tuple[int, int] | None:
    """The version of a GPT model, (5, 0) for gpt-5; None for every other name."""
    found = _GPT.match(_bare(name))
    return None if found is None else (int(found[1]), int(found[2] or 0))


def _bare(name: str) -> str:
    """The name without a vendor before it (`openai/gpt-5`)."""
    return name.rpartition("/")[2]
