"""The demo upstream's answer to a chat request. Pure and deterministic: the same request gives the same answer."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from providers.counting import CHARACTERS_PER_TOKEN
from proxysite.demo import tools
from proxysite.demo.conversation import Conversation, read
from proxysite.demo.models import MODELS, Behaviour
from proxysite.demo.schema import example

_PIECES = re.compile(r"\S+\s*|\s+")
_SUM = re.compile(r"(\d{1,12})\s*([-+*x×])\s*(\d{1,12})")
_COUNT_TO = re.compile(r"\bcount to ([\d,]{1,7})\b", re.IGNORECASE)
_QUOTE = 300


class UnknownModel(Exception):
    """The request names a model that the demo upstream does not have."""


class Call(msgspec.Struct, frozen=True):
    """A tool call; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


class Usage(msgspec.Struct, frozen=True):
    """Tokens as OpenAI counts them: the prompt includes the cached ones, the completion includes the reasoning."""

    prompt: int
    cached: int
    completion: int
    reasoning: int


class Answer(msgspec.Struct, frozen=True):
    """One answer. Every piece of `reasoning` and `text` counts as one token."""

    id: str
    model: str
    behaviour: Behaviour
    reasoning: tuple[str, ...]
    text: tuple[str, ...]
    calls: tuple[Call, ...]
    finish_reason: str
    usage: Usage


def answer(request: dict[str, Any]) -> Answer:
    """The answer to a parsed chat request. Raises UnknownModel, and ValueError for a request without messages."""
    name = request.get("model")
    behaviour = MODELS.get(name) if isinstance(name, str) else None
    if behaviour is None or not isinstance(name, str):
        raise UnknownModel(f"The model {name!r} does not exist. Existing models: {', '.join(MODELS)}.")
    conversation = read(request)
    digest = hashlib.sha256(msgspec.json.encode(request)).hexdigest()
    calls = _calls(request, conversation, behaviour, digest)
    reasoning = _pieces(_reasoning(conversation, bool(calls))) if _thinks(request, behaviour) else ()
    text = _pieces(_until_stop(_text(request, conversation, behaviour, bool(calls)), request.get("stop")))
    finish_reason = "tool_calls" if calls else "stop"
    limit = request.get("max_completion_tokens") or request.get("max_tokens")
    if isinstance(limit, int) and len(reasoning) + len(text) + _tokens_of(calls) > limit:
        reasoning = reasoning[:limit]
        text = text[: limit - len(reasoning)]
        calls, finish_reason = (), "length"
    return Answer(
        id=f"chatcmpl-demo-{digest[:24]}",
        model=name,
        behaviour=behaviour,
        reasoning=reasoning,
        text=text,
        calls=calls,
        finish_reason=finish_reason,
        usage=_usage(request, len(reasoning), len(text) + _tokens_of(calls)),
    )


def _calls(request: dict[str, Any], conversation: Conversation, behaviour: Behaviour, digest: str) -> tuple[Call, ...]:
    wanted = tools.calls(
        conversation,
        request.get("tool_choice"),
        eager=behaviour.eager,
        parallel=request.get("parallel_tool_calls") is not False,
    )
    return tuple(
        # The whole request is in the digest, so the ids of later turns differ.
        Call(f"call_{digest[:20]}{index}", name, msgspec.json.encode(arguments).decode())
        for index, (name, arguments) in enumerate(wanted)
    )


def _thinks(request: dict[str, Any], behaviour: Behaviour) -> bool:
    return behaviour.thinks or request.get("reasoning_effort") not in {None, "none"}


def _reasoning(conversation: Conversation, calling: bool) -> str:
    if conversation.results:
        return "The tool has answered. I report its result."
    step = "A tool can do that, so I call it." if calling else "No tool is needed, so I answer at once."
    return f"The user wrote {len(conversation.prompt)} characters. {step}"


def _text(request: dict[str, Any], conversation: Conversation, behaviour: Behaviour, calling: bool) -> str:
    if behaviour.words:
        counted = _COUNT_TO.search(conversation.prompt)
        count = int(counted[1].replace(",", "") or 0) if counted else behaviour.words
        return " ".join(f"word{number}" for number in range(1, count + 1))
    if conversation.results:
        return "The tool answered:\n\n" + "\n\n".join(result[:2000] for result in conversation.results)
    if calling:
        return "I'll do that."
    wanted = request.get("response_format")
    if isinstance(wanted, dict) and wanted.get("type") == "json_schema":
        return msgspec.json.encode(example((wanted.get("json_schema") or {}).get("schema"))).decode()
    if isinstance(wanted, dict) and wanted.get("type") == "json_object":
        return '{"answer":"demo"}'
    return _small_talk(conversation)


def _small_talk(conversation: Conversation) -> str:
    found = _SUM.search(conversation.prompt)
    if found:
        left, right = int(found[1]), int(found[3])
        result = {"+": left + right, "-": left - right}.get(found[2], left * right)
        return f"{left} {found[2]} {right} = {result}. I am the demo upstream, and sums are all I can do."
    quote = conversation.prompt[:_QUOTE] + ("…" if len(conversation.prompt) > _QUOTE else "")
    seen = f" I was shown {conversation.images} image(s)." if conversation.images else ""
    return (
        f"You said: “{quote}”.{seen} I am the demo upstream of this gateway: a small server with canned answers, "
        "called over HTTP like any provider. Add a provider in the admin to get answers from a real model."
    )


def _until_stop(text: str, stop: Any) -> str:
    stops = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    ends = [text.find(word) for word in stops if isinstance(word, str) and word]
    return text[: min((end for end in ends if end >= 0), default=len(text))]


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(_PIECES.findall(text))


def _tokens_of(calls: tuple[Call, ...]) -> int:
    return sum(4 + len(call.arguments) // CHARACTERS_PER_TOKEN for call in calls)


def _usage(request: dict[str, Any], reasoning: int, rest: int) -> Usage:
    """Counts four bytes of the prompt as a token, and a quarter of the tokens as cached."""
    size = len(msgspec.json.encode([request.get("messages"), request.get("tools")]))
    prompt = max(1, size // CHARACTERS_PER_TOKEN)
    return Usage(prompt=prompt, cached=prompt // 4, completion=reasoning + rest, reasoning=reasoning)
