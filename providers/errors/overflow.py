"""Recognises "the prompt is too long" in any server's words and returns Claude's sentence for it.

Claude Code compacts the conversation, or asks for less output, when it reads exactly these sentences.
"""

from __future__ import annotations

import re

from providers.errors.overflow_wordings import CODES, NUMBERED, PHRASES
from usage.sentence import Sentence

_WORDINGS = re.compile("|".join(phrase for phrase, _, _ in PHRASES), re.IGNORECASE)


def overflow_message(
    message: str, *, words: tuple[str, ...] = (), numbers: tuple[int, int] | None = None
) -> str | None:
    """Returns Claude's sentence for a context overflow, or None for any other message. With numbers it is a Sentence.

    `words` are the server's code and type, `numbers` the prompt's tokens and the maximum, if fields hold them.
    """
    if not any(word in CODES for word in words) and _WORDINGS.search(message) is None:
        return None
    if numbers is not None:
        return _too_long(*numbers)
    for pattern, _, _ in NUMBERED:
        # Compiled for the first such error, and kept by `re`: thirty of them would take a hundredth of each start.
        found = re.search(pattern, message, re.IGNORECASE | re.DOTALL)
        if found is None:
            continue
        prompt, most = _number(found["n"]), _number(found["m"])
        output = _number(found["out"]) if "out" in found.re.groupindex else 0
        if prompt > most:
            return _too_long(prompt, most)
        if prompt + output > most:
            return Sentence(
                "input length and `max_tokens` exceed context limit: {prompt} + {output} > {most}",
                code="prompt_and_output_too_long",
                prompt=prompt,
                output=output,
                most=most,
            )
    return message if message.lower().startswith("prompt is too long") else f"prompt is too long: {message}"


def _too_long(prompt: int, most: int) -> str:
    return Sentence(
        "prompt is too long: {prompt} tokens > {most} maximum", code="prompt_too_long", prompt=prompt, most=most
    )


def _number(digits: str) -> int:
    return int(digits.replace(",", ""))
