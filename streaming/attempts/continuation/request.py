"""The request that asks another model to continue an interrupted answer. Sans-IO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from providers.counting import CHARACTERS_PER_TOKEN
from streaming.attempts.continuation.splice import Overlap, Splice

ASK = (
    "Your answer broke off at this point. Go on exactly where it stops, as if there had been no interruption: repeat "
    "nothing of it, and say nothing about the interruption. Where it stops inside a word, begin with the rest of that "
    "word; where a new word follows, begin with a space."
)


class Continuation:
    """The client's request and the text blocks of the answer that the client has received so far."""

    __slots__ = ("_body", "_texts")

    def __init__(self, body: dict[str, Any], texts: Sequence[str]) -> None:
        self._body = body
        self._texts = texts

    @property
    def tokens(self) -> int:
        """About how many tokens the answer has so far."""
        return sum(map(len, self._texts)) // CHARACTERS_PER_TOKEN

    def request(self, *, prefill: bool) -> dict[str, Any]:
        """Returns the request: the text as a prefilled answer, or as a turn and a user turn that asks for more.

        `prefill`: the model goes on with a prefilled answer.
        """
        body = self._body
        messages = [*body["messages"]]
        prefills = prefill and self._may_prefill()
        texts = list(self._texts)
        if prefills:
            # https://docs.claude.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response: no
            # whitespace at its end.
            texts[-1] = texts[-1].rstrip()
        blocks = [{"type": "text", "text": text} for text in texts]
        if messages[-1].get("role") == "assistant":
            begun = _blocks(messages.pop().get("content"))
            if begun and begun[-1].get("type") == "text":
                blocks[0] = {"type": "text", "text": f"{begun.pop()['text']}{blocks[0]['text']}"}
            blocks = begun + blocks
        messages.append({"role": "assistant", "content": blocks})
        if not prefills:
            messages.append({"role": "user", "content": ASK})
        return {**body, "messages": messages, "max_tokens": self._remaining(body)}

    def splice(self, *, prefill: bool) -> Splice:
        """Returns the edit of the events that answer the request."""
        return Splice(Overlap("".join(self._texts), exact=prefill and self._may_prefill()))

    def _may_prefill(self) -> bool:
        """Whether a prefilled answer is possible, which it is not while a model thinks."""
        thinking = self._body.get("thinking")
        return not (isinstance(thinking, dict) and thinking.get("type") != "disabled")

    def _remaining(self, body: Mapping[str, Any]) -> int:
        """Returns max_tokens less the tokens of the answer so far, and at least one more than the thinking budget."""
        thinking = body.get("thinking")
        budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
        least = budget + 1 if isinstance(budget, int) else 1
        return min(int(body["max_tokens"]), max(least, int(body["max_tokens"]) - self.tokens))


def continuation(body: dict[str, Any] | None, texts: Sequence[str] | None) -> Continuation | None:
    """Returns how to continue, or None where that is impossible.

    Text under a JSON schema is not continued: each part would follow the schema, but not the two together.
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
