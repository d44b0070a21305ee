"""Recognising "the prompt is too long" in any server's words, and saying it in Claude's.

Claude Code compacts the conversation, or asks for less output, when it reads exactly these sentences.
"""

from __future__ import annotations

import re

_CODES = frozenset(
    {"context_length_exceeded", "exceed_context_size_error", "context_window_exceeded", "model_context_window_exceeded"}
)
_N, _M = r"(?P<n>\d[\d,]*)", r"(?P<m>\d[\d,]*)"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"prompt is too long: {_N} tokens > {_M} maximum",
        rf"input length and `?max_tokens`? exceed context limit: {_N} \+ (?P<out>\d+) > {_M}",
        # OpenAI, vLLM, DeepSeek, OpenRouter; the parts are told in brackets.
        rf"maximum context length is {_M} tokens?.{{0,200}}?\(?{_N} (?:tokens )?(?:in the messages|of text input)"
        r".{0,200}?(?P<out>\d+) in the (?:completion|output)",
        rf"maximum context length is {_M} tokens?.{{0,200}}?(?:requested|resulted in|has|contains?)\D{{0,30}}{_N}",
        rf"maximum context length is {_M} tokens?\D{{1,200}}{_N} (?:input )?tokens",
        # xAI, Mistral, Gemini, llama.cpp, GitHub Copilot.
        rf"maximum prompt length is {_M}\D{{1,80}}{_N} tokens",
        rf"contains {_N} tokens.{{0,80}}?with {_M} maximum context",
        rf"token count \(?{_N}\)? exceeds the maximum number of tokens allowed \(?{_M}",
        rf"request \({_N} tokens\) exceeds the available context size \({_M} tokens\)",
        rf"token count of {_N} exceeds the limit of {_M}",
        rf"{_N} tokens? (?:>|exceeds?)\D{{0,60}}{_M}",
    )
)
_WORDINGS = re.compile(
    r"prompt (?:is )?too long|maximum (?:context|prompt) length|context[ _](?:length|window|size|limit)[^.]{0,40}exceed"
    r"|exceed\w*[^.]{0,60}context[ _](?:length|window|size|limit)|exceeded model token limit"
    r"|range of input length should be|exceeds the maximum number of tokens allowed"
    r"|reduce the length of (?:the|your) (?:messages|prompt|input)|input is too long",
    re.IGNORECASE,
)


def overflow_message(
    message: str, *, words: tuple[str, ...] = (), numbers: tuple[int, int] | None = None
) -> str | None:
    """Claude's sentence for a context overflow, or None when this is something else.

    `words` are the server's code and type, `numbers` the prompt's tokens and the most there may be, where it told them
    apart from the message.
    """
    if not any(word in _CODES for word in words) and _WORDINGS.search(message) is None:
        return None
    if numbers is not None:
        return _too_long(*numbers)
    for pattern in _PATTERNS:
        found = pattern.search(message)
        if found is None:
            continue
        prompt, most = _number(found["n"]), _number(found["m"])
        output = _number(found["out"]) if "out" in pattern.groupindex else 0
        if prompt > most:
            return _too_long(prompt, most)
        if prompt + output > most:
            return f"input length and `max_tokens` exceed context limit: {prompt} + {output} > {most}"
    return message if message.lower().startswith("prompt is too long") else f"prompt is too long: {message}"


def _too_long(prompt: int, most: int) -> str:
    return f"prompt is too long: {prompt} tokens > {most} maximum"


def _number(digits: str) -> int:
    return int(digits.replace(",", ""))
