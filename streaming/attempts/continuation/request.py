"""What the next candidate is asked when it shall go on with an answer, and how its own answer joins. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from providers.config import ModelConfig
from streaming.attempts.continuation.overlap import Overlap
from streaming.attempts.continuation.splice import Joint

CHARACTERS_PER_TOKEN = 4
ASK = (
    "Your answer broke off at this point. Go on exactly where it stops, as if there had been no interruption: repeat "
    "nothing of it, and say nothing about the interruption. Where it stops inside a word, begin with the rest of that "
    "word; where a new word follows, begin with a space."
)


class Continuation:
    """The text that the client has by now, block by block, and the request that it answers."""

    __slots__ = ("_body", "_texts")

    def __init__(self, body: dict[str, Any], texts: Sequence[str]) -> None:
        self._body = body
        self._texts = texts

    @property
    def tokens(self) -> int:
        """About how many tokens have been said."""
        return sum(map(len, self._texts)) // CHARACTERS_PER_TOKEN

    def request(self, model: ModelConfig) -> dict[str, Any]:
        """The request to go on with: the text as the beginning of the answer, or as a turn and a turn that asks."""
        body = self._body
        messages = [*body["messages"]]
        prefills = self._prefills(model)
        said = list(self._texts)
        if prefills:
            # https://docs.claude.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response: no
            # whitespace at its end.
            said[-1] = said[-1].rstrip()
        blocks = [{"type": "text", "text": text} for text in said]
        if messages[-1].get("role") == "assistant":
            begun = _blocks(messages.pop().get("content"))
            if begun and begun[-1].get("type") == "text":
                blocks[0] = {"type": "text", "text": f"{begun.pop()['text']}{blocks[0]['text']}"}
            blocks = begun + blocks
        messages.append({"role": "assistant", "content": blocks})
        if not prefills:
            messages.append({"role": "user", "content": ASK})
        return {**body, "messages": messages, "max_tokens": self._left(body)}

    def joint(self, model: ModelConfig) -> Joint:
        """The edit of the answer to it."""
        return Joint(Overlap("".join(self._texts), exact=self._prefills(model)))

    def _prefills(self, model: ModelConfig) -> bool:
        """Whether the model is given a beginning; while it thinks none can be."""
        thinking = self._body.get("thinking")
        thinks = isinstance(thinking, dict) and thinking.get("type") != "disabled"
        return "prefill" in model.capabilities and not thinks

    def _left(self, body: Mapping[str, Any]) -> int:
        """max_tokens less what was said, and still more than the budget of the thinking."""
        thinking = body.get("thinking")
        budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
        least = budget + 1 if isinstance(budget, int) else 1
        return min(int(body["max_tokens"]), max(least, int(body["max_tokens"]) - self.tokens))


def continuation(body: dict[str, Any] | None, texts: Sequence[str] | None) -> Continuation | None:
    """How to go on, or None where that cannot be.

    A text under a JSON schema is not gone on with: each answer would follow the schema, and the two together not.
    """
    if body is None or not texts or body.get("output_format"):
        return None
    output = body.get("output_config")
    if isinstance(output, dict) and output.get("format"):
        return None
    return Continuation(body, texts)


def _blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [*content] if isinstance(content, list) else []
