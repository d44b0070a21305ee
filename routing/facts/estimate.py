"""A prompt's tokens guessed from its size, as well as the session's last request taught it.

The kind of text and the model's tokenizer hardly change within a session, and the provider told at the end of each
request how many tokens its bytes were.
"""

from __future__ import annotations

from collections import OrderedDict

from providers.counting.weight import Weight

UNTAUGHT = 0.25
"""Tokens a byte of JSON is guessed at; of Claude Code's requests in English it is 0.15 to 0.35, by the model."""
_LEAST, _MOST = 0.05, 1.0
_SESSIONS = 10_000


class Ratios:
    """Tokens a byte, by session: the sessions that were used last, as this worker saw them."""

    __slots__ = ("_known", "_limit")

    def __init__(self, limit: int = _SESSIONS) -> None:
        self._known: OrderedDict[str, float] = OrderedDict()
        self._limit = limit

    def learn(self, session_id: str, weight: Weight, tokens: int | None) -> None:
        """Note what a provider told of a whole prompt: its tokens, cached ones included, or None."""
        if not session_id or tokens is None:
            return
        ratio = (tokens - weight.media_tokens) / weight.text_bytes if weight.text_bytes else 0.0
        if ratio <= 0.0:
            return
        self._known[session_id] = min(_MOST, max(_LEAST, ratio))
        self._known.move_to_end(session_id)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)

    def estimate(self, session_id: str, weight: Weight) -> int:
        """About how many tokens a prompt of that weight has; at least 1."""
        return estimate(weight, self._known.get(session_id, UNTAUGHT))


def estimate(weight: Weight, ratio: float = UNTAUGHT) -> int:
    """About how many tokens a prompt of that weight has at so many tokens a byte; at least 1."""
    return max(1, int(weight.text_bytes * ratio) + weight.media_tokens)
