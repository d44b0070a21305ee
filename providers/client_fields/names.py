"""Names of fields that are no part of Claude's API: those that clients may add, and those that only the gateway sets.

Servers differ in how they read a name: Go ignores capitals, protocol buffers ignore underscores. So names are compared
without either.
"""

from __future__ import annotations

import re

from providers.claude.fields import KNOWN

DEFAULT = frozenset(
    {
        *("seed", "frequency_penalty", "presence_penalty", "repetition_penalty", "min_p", "logit_bias", "verbosity"),
        *("parallel_tool_calls", "reasoning_effort", "chat_template_kwargs", "enable_thinking"),
    }
)
"""What every client may add at every provider: it changes the words of an answer, not who answers or what it costs."""

DEFAULT_INSIDE: dict[str, frozenset[str]] = {
    "chat_template_kwargs": frozenset(
        {"enable_thinking", "thinking", "thinking_budget", "reasoning_effort", "clear_thinking", "preserve_thinking"}
    ),
}
"""Of these objects every client may add some fields only; a provider's list may name more of them, with a dot."""

Places = dict[str, tuple[str, str]]

PLACES: dict[str, Places] = {
    # https://github.com/ollama/ollama/blob/main/docs/modelfile.md#valid-parameters-and-values
    "ollama": {
        "seed": ("options", "seed"),
        "frequency_penalty": ("options", "frequency_penalty"),
        "presence_penalty": ("options", "presence_penalty"),
        "repetition_penalty": ("options", "repeat_penalty"),
        "min_p": ("options", "min_p"),
    },
    # https://ai.google.dev/api/generate-content#generationconfig
    "gemini": {
        "seed": ("generationConfig", "seed"),
        "frequency_penalty": ("generationConfig", "frequencyPenalty"),
        "presence_penalty": ("generationConfig", "presencePenalty"),
    },
    # https://platform.openai.com/docs/api-reference/responses/create
    "openai_responses": {
        "reasoning_effort": ("reasoning", "effort"),
        "verbosity": ("text", "verbosity"),
    },
}
"""Where a dialect has a field of the default list: the object, and the name in it. Gemini refuses all the others."""

_OURS = frozenset(
    {
        # OpenAI's APIs and their relatives
        *("bestof", "background", "conversation", "extrabody", "functioncall", "functions", "include", "input"),
        *("instructions", "prompt", "promptcachekey", "responseformat", "safetyidentifier", "stop", "text", "user"),
        # Gemini
        *("cachedcontent", "candidatecount", "contents", "responsejsonschema", "responsemimetype", "responseschema"),
        *("responsemodalities", "systeminstruction", "thinkingconfig", "toolconfig"),
        # Ollama
        *("format", "keepalive", "numctx", "numpredict", "shift", "template", "think", "truncate"),
        # Of a chat template
        *("addgenerationprompt", "chattemplate", "continuefinalmessage", "documents", "tokenize"),
        *(name.replace("_", "") for name in KNOWN),
    }
)
_PATTERN = re.compile(r"model.*|max.*tokens|stream.*|store|n")
_REFERENCE = re.compile(r".*(?:_[iI][dD][sS]?|[a-z]Ids?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}(?:\.[A-Za-z_][A-Za-z0-9_-]{0,63})?")


def plain(name: str) -> str:
    """Returns a name as the least particular server reads it: without capitals, underscores and dashes."""
    return name.casefold().replace("_", "").replace("-", "")


def is_reserved(name: str) -> bool:
    """Returns whether only the gateway sets a field of this name, at the top of a request or inside an object."""
    read = plain(name)
    return read in _OURS or _PATTERN.fullmatch(read) is not None or _REFERENCE.fullmatch(name) is not None


def problem_of(name: str) -> str:
    """Returns what is wrong with a name of a provider's list, "" for a good one."""
    if _NAME.fullmatch(name) is None:
        return f"{name!r} is not the name of a field. Write one such as top_a, or options.num_gpu for one of an object."
    if is_reserved(name) or any(map(is_reserved, name.split("."))):
        return (
            f"{name} is set by the gateway: it chooses the model, limits the answer or is accounted for, so no client "
            "may send it. To set it for every request, use the transform customparams."
        )
    return ""
