"""Recognises "the prompt is too long" in any server's words and returns Claude's sentence for it.

Claude Code compacts the conversation, or asks for less output, when it reads exactly these sentences.
"""

from __future__ import annotations

import re

_CODES = frozenset(
    {
        "context_length_exceeded",
        "exceed_context_size_error",
        "context_window_exceeded",
        "model_context_window_exceeded",
        "model_max_prompt_tokens_exceeded",
    }
)
_N, _M, _OUT = r"(?P<n>\d[\d,]*)", r"(?P<m>\d[\d,]*)", r"(?P<out>\d[\d,]*)"
# The first match whose numbers do overflow decides, so patterns that name the output come first.
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"prompt is too long: {_N} tokens > {_M} maximum",
        rf"input length and `?max_tokens`? exceed context limit: {_N} \+ {_OUT} > {_M}",
        # OpenAI, vLLM, DeepSeek, OpenRouter; the parts are in brackets.
        rf"maximum context length is {_M} tokens?.{{0,200}}?\(?{_N} (?:tokens )?(?:in the messages|of text input)"
        rf".{{0,200}}?{_OUT} in the (?:completion|output)",
        # vLLM, three generations.
        rf"max_(?:completion_)?tokens'? is too large: {_OUT}\.?.{{0,40}}maximum context length is {_M} tokens"
        rf" and your request has {_N} input tokens",
        rf"passed {_N} input tokens and requested {_OUT} output tokens.{{0,60}}context length is only {_M}",
        rf"prompt \(length {_N}\) is longer than the maximum model length of {_M}",
        # SGLang, Together (text-generation-inference), Fireworks, Cerebras, Moonshot, Azure, LM Studio.
        rf"maximum context length of {_M} tokens.{{0,80}}: {_N} tokens from the input messages and {_OUT} tokens",
        rf"input \({_N} tokens\) is longer than the model's context length \({_M} tokens\)",
        rf"must be <= {_M}\. Given: {_N} `inputs` tokens and {_OUT} `max_new_tokens`",
        rf"prompt is too long: {_N}, model maximum context length: {_M}",
        rf"current length is {_N} while limit is {_M}",
        rf"exceeded model token limit: {_M} \(requested: {_N}\)",
        rf"exceed the configured limit of {_M} tokens.{{0,40}}resulted in {_N} tokens",
        rf"keep the first {_N} tokens when context the overflows.{{0,80}}context length of only {_M} tokens",
        # Many.
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
    r"prompt (?:is )?too long|maximum (?:context|prompt) length|context[ _]?(?:length|window|size|limit)[^.]{0,40}"
    r"exceed|exceed\w*[^.]{0,60}context[ _](?:length|window|size|limit)|exceeded model token limit"
    r"|(?:longer|greater) than the (?:model's )?(?:context|maximum model) length|context length (?:is|of) only"
    r"|tokens? exceed the configured limit|prompt exceeds max length|prompt token count of \d+ exceeds"
    r"|`inputs` tokens \+ `max_new_tokens` must be|range of input length should be"
    r"|exceeds the maximum number of tokens allowed"
    r"|reduce the length of (?:the|your) (?:messages|prompt|input)|input is too long",
    re.IGNORECASE,
)


def overflow_message(
    message: str, *, words: tuple[str, ...] = (), numbers: tuple[int, int] | None = None
) -> str | None:
    """Returns Claude's sentence for a context overflow, or None for any other message.

    `words` are the server's code and type, `numbers` the prompt's tokens and the maximum, if fields hold them.
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
