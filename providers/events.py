"""The neutral stream: any provider's answer as a small closed set of frozen structs.

Decoders make these, the encoder takes them. The blocks of a Claude upstream pass verbatim in native events, so that
fields that are unknown here survive.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.errors import UpstreamError


class Tokens(msgspec.Struct, frozen=True, gc=False):
    """Counts of one answer; the kinds are disjoint, and None means that the provider did not report it.

    Total input is input + cache_read + cache_write. `cache_write_1h` is the part of cache_write stored for an hour and
    `reasoning` the part of output spent on thinking. `web_searches` are those that the provider ran itself. `cost` is
    the provider's own price in pico-dollars, where it reports one.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None
    web_searches: int | None = None
    cost: int | None = None

    @property
    def prompt(self) -> int | None:
        """All tokens of the prompt, cached or not; None unless its input is known."""
        return None if self.input is None else self.input + (self.cache_read or 0) + (self.cache_write or 0)

    def reach(self, limit: int | None) -> bool:
        """Whether the output is as long as the request allowed it to be."""
        return limit is not None and limit > 0 and self.output is not None and self.output >= limit

    def updated(self, newer: Tokens) -> Tokens:
        """These counts with a later report laid over them; its zeros are placeholders where a count is known.

        The prompt's kinds are one: a zero among them may only mean that the rest of it was cached.
        """
        if self is NO_TOKENS:
            return newer
        if self.prompt and not (newer.input or newer.cache_read or newer.cache_write):
            newer = msgspec.structs.replace(newer, input=None, cache_read=None, cache_write=None, cache_write_1h=None)
        if self.output and newer.output == 0:
            newer = msgspec.structs.replace(newer, output=None, reasoning=None)
        return self.merged(newer)

    def merged(self, newer: Tokens) -> Tokens:
        """These counts with every count that `newer` knows laid over them."""
        return Tokens(
            input=self.input if newer.input is None else newer.input,
            cache_read=self.cache_read if newer.cache_read is None else newer.cache_read,
            cache_write=self.cache_write if newer.cache_write is None else newer.cache_write,
            cache_write_1h=self.cache_write_1h if newer.cache_write_1h is None else newer.cache_write_1h,
            output=self.output if newer.output is None else newer.output,
            reasoning=self.reasoning if newer.reasoning is None else newer.reasoning,
            web_searches=self.web_searches if newer.web_searches is None else newer.web_searches,
            cost=self.cost if newer.cost is None else newer.cost,
        )


NO_TOKENS = Tokens()
"""Nothing was counted."""


class MessageStarted(msgspec.Struct, frozen=True, gc=False):
    """The provider has begun to answer. `native` is a Claude upstream's `message` object.

    `model`, `service_tier` and `region` are what the provider says of who answers, as it says it.
    """

    id: str | None = None
    model: str | None = None
    tokens: Tokens | None = None
    native: dict[str, Any] | None = None
    service_tier: str | None = None
    region: str | None = None


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """More answer text; never empty."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, gc=False):
    """More thinking text; never empty."""

    text: str


class ThinkingSignature(msgspec.Struct, frozen=True, gc=False):
    """What must come back with the thinking on the next turn; ends the thinking block."""

    signature: str


class ToolCallStarted(msgspec.Struct, frozen=True, gc=False):
    """A tool call with its final id and name. `key` distinguishes the calls of one answer.

    `complete`: the arguments, if there are any, follow at once and nothing comes between. Text inside any other call is
    held back by the encoder until its arguments are complete.
    """

    key: int
    id: str
    name: str
    complete: bool = False


class ToolArgumentsDelta(msgspec.Struct, frozen=True, gc=False):
    """More of the JSON text of one call's arguments; fragments of several calls may interleave."""

    key: int
    json: str


class TokensReported(msgspec.Struct, frozen=True, gc=False):
    """Counts, cumulative; the last report wins."""

    tokens: Tokens


class MessageFinished(msgspec.Struct, frozen=True, gc=False):
    """Why the provider stopped, in Claude's words. `native` is a Claude upstream's complete message_delta.

    With `cut_short` the gateway ended the answer: the provider would have continued, and its counts are missing.
    `service_tier` is the one that the provider names at the end, where it knows more than at the start.
    """

    stop_reason: str
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None
    native: dict[str, Any] | None = None
    cut_short: bool = False
    service_tier: str | None = None


class StreamFailed(msgspec.Struct, frozen=True):
    """The stream broke or the provider reported an error inside it. Always the last event."""

    error: UpstreamError


class Ping(msgspec.Struct, frozen=True, gc=False):
    """The provider is alive and has no content yet."""


class NativeBlockStarted(msgspec.Struct, frozen=True, gc=False):
    """A Claude upstream's content_block_start: its index there and the JSON bytes of the whole event."""

    index: int
    kind: str
    raw: bytes


class NativeBlockDelta(msgspec.Struct, frozen=True, gc=False):
    """A Claude upstream's content_block_delta: its index there and the JSON bytes of the whole event."""

    index: int
    raw: bytes


class NativeBlockStopped(msgspec.Struct, frozen=True, gc=False):
    """A Claude upstream's content_block_stop: its index there and the JSON bytes of the whole event."""

    index: int
    raw: bytes


class NativeEvent(msgspec.Struct, frozen=True, gc=False):
    """An event of a Claude upstream of a type not known here: the type and the JSON bytes of the whole event."""

    kind: str
    raw: bytes


Event = (
    MessageStarted
    | TextDelta
    | ThinkingDelta
    | ThinkingSignature
    | ToolCallStarted
    | ToolArgumentsDelta
    | TokensReported
    | MessageFinished
    | StreamFailed
    | Ping
    | NativeBlockStarted
    | NativeBlockDelta
    | NativeBlockStopped
    | NativeEvent
)
COMPLETE = frozenset({"tool_use", "end_turn", "stop_sequence"})
"""Stop reasons of answers that are whole; what any other ends may have been cut anywhere."""
CONTENT_EVENTS = frozenset({TextDelta, ThinkingDelta, ThinkingSignature, ToolCallStarted, NativeBlockStarted})
"""Events that begin or continue content, other than the arguments of a call that has started."""
EVENTS_WITHIN_TEXT = frozenset({MessageStarted, Ping, TokensReported, ToolArgumentsDelta})
"""Events that may come between two pieces of one text."""
