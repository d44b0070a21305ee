"""The content blocks of one answer: a table of states, each with what it does on an event.

It alone opens, closes and numbers blocks, one open at a time; the sink only writes. Text inside a tool call waits here
for the call's end. What stands around the blocks (message_start, the end, errors) is the encoder's.
"""

from __future__ import annotations

from typing import Any

from providers.events import (
    Event,
    NativeBlockDelta,
    NativeBlockStarted,
    NativeBlockStopped,
    Ping,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from streaming.encoding import Sink
from streaming.encoding.native import NativeBlock
from streaming.encoding.state import Handler, State
from streaming.encoding.tool_calls import NO_CALLS, Held, ToolCall, own


class Blocks:
    """The state and the steps between states. `content_sent`: a block was sent; `kinds`: types of blocks that were."""

    __slots__ = ("_calls", "_index", "_native", "_sink", "content_sent", "is_cut", "kinds", "state")

    def __init__(self, sink: Sink) -> None:
        self._sink, self._calls = sink, NO_CALLS
        self._index = 0
        self._native: NativeBlock | None = None
        self.state = SHUT
        self.content_sent = self.is_cut = False
        self.kinds: set[str] = set()

    @property
    def arguments_repaired(self) -> bool:
        """Whether the arguments of a call that went out are not those that came."""
        return self._calls.any_repaired

    def begin(self) -> None:
        """From now on blocks may be opened."""
        self.state = IDLE

    def settle(self) -> None:
        """Close whatever is open, with all that belongs before its end."""
        self.state.leave(self)
        self.state = IDLE

    def shut(self) -> None:
        """From now on no event means anything. What is open stays open: settle first for a good end."""
        self.state = SHUT

    def keepalive(self) -> None:
        """An empty delta of the open block's kind, or a ping."""
        self.state.keepalive(self)

    def restart(self) -> None:
        """Another attempt begins, whose tool calls and native indices have nothing to do with those before."""
        self._calls.release()
        if self.state is HELD:
            self.state = IDLE
        elif self.state is not SHUT:
            self.is_cut = True
            self.settle()
            self.is_cut = False
        self._calls = NO_CALLS

    def resume(self) -> None:
        """Another attempt begins whose text goes on in the text that is open."""
        if self.state is NATIVE:
            self.state = TEXT
        self._calls = own(NO_CALLS)

    def ignore(self, event: Event) -> None:
        """This event means nothing in this state."""

    def _open(self, state: State, block: dict[str, Any]) -> None:
        self.settle()
        self._sink.open(self._index, block)
        self._index += 1
        self.content_sent = True
        self.state = state

    def leave_nothing(self) -> None:
        """No block is open."""

    def ping(self) -> None:
        """Nothing that a real delta could belong to is open."""
        self._sink.ping()

    def open_text(self, event: TextDelta) -> None:
        if event.text:
            self._open(TEXT, {"type": "text", "text": ""})
            self._sink.text(event.text)

    def text(self, event: TextDelta) -> None:
        self._sink.text(event.text)

    def text_keepalive(self) -> None:
        self._sink.text("")

    def leave_text(self) -> None:
        self._sink.close()

    def open_thinking(self, event: ThinkingDelta) -> None:
        if event.text:
            self._open(THINKING, {"type": "thinking", "thinking": "", "signature": ""})
            self._sink.thinking(event.text)

    def thinking(self, event: ThinkingDelta) -> None:
        self._sink.thinking(event.text)

    def thinking_keepalive(self) -> None:
        self._sink.thinking("")

    def sign(self, event: ThinkingSignature) -> None:
        self._sink.signature(event.signature)
        self._sink.close()
        self.state = IDLE

    def sign_nothing(self, event: ThinkingSignature) -> None:
        if event.signature:
            self._open(THINKING, {"type": "thinking", "thinking": "", "signature": ""})
            self.sign(event)

    def leave_thinking(self) -> None:
        # Claude always ends the block with a signature_delta, and some readers take that for the thinking's end.
        self._sink.signature("")
        self._sink.close()

    def start_call(self, event: ToolCallStarted) -> None:
        self._calls = own(self._calls)
        if self._calls.start(event):
            self._open_call()

    def queue_call(self, event: ToolCallStarted) -> None:
        # The open call may have more to come, unless its arguments are whole: then the next one can stream as well.
        self._calls.start(event)
        while self._calls.may_advance():
            self._close_call()
            self._open_call()

    def arguments(self, event: ToolArgumentsDelta) -> None:
        self._calls = own(self._calls)
        if event.json and (text := self._calls.add(event)):
            self._sink.arguments(text)

    def arguments_keepalive(self) -> None:
        self._sink.arguments("")

    def content_in_call(self, event: Held) -> None:
        if not self._calls.hold_back(event):
            self._end_calls()

    def end_calls(self, *, cut: bool) -> None:
        """The answer ends: calls get what they lack of theirs. One that is `cut` lacks what nobody knows."""
        self.is_cut = cut
        if self.state is TOOL:
            self._end_calls()

    def leave_calls(self) -> None:
        self._end_calls()
        self.state.leave(self)

    def _end_calls(self) -> None:
        """Close the open call and all that wait; what was held back meanwhile follows them, its last block open."""
        self._close_call()
        while self._open_call():
            self._close_call()
        for event in self._calls.release():
            self.state.on[type(event)](self, event)

    def _open_call(self) -> bool:
        call = self._calls.open_next()
        if call is not None:
            self._begin_call(call)
        return call is not None

    def _begin_call(self, call: ToolCall) -> None:
        self._open(TOOL, {"type": "tool_use", "id": call.id, "name": call.name, "input": {}})
        self.kinds.add("tool_use")
        if call.ready:
            call.sent = True
            self._sink.arguments("".join(call.ready))
            call.ready.clear()

    def _close_call(self) -> None:
        last, others = self._calls.close_open(cut=self.is_cut)
        if last is not None:
            self._sink.arguments(last)
        self._sink.close()
        self.state = IDLE
        for call in others:
            self._begin_call(call)
            self._sink.close()
            self.state = IDLE

    # A Claude upstream's own blocks. The next one's start stops an open one; deltas of others than it have no place.

    def open_native(self, event: NativeBlockStarted) -> None:
        self.settle()
        self._native = NativeBlock(self._sink, event)
        if self._native.is_text:
            # Held until there is text in it: an empty text block cannot be sent back in the next request.
            self.state = HELD
        else:
            self._release(self._native)

    def native_delta(self, event: NativeBlockDelta) -> None:
        if self._native is not None and event.index == self._native.index:
            self._native.delta(event)

    def stop_native(self, event: NativeBlockStopped) -> None:
        if self._native is not None and event.index == self._native.index:
            self._native.stop(event)
            self.state = IDLE

    def leave_native(self) -> None:
        if self._native is not None:
            self._native.break_off()

    def native_keepalive(self) -> None:
        if self._native is not None:
            self._native.keepalive()

    def held_delta(self, event: NativeBlockDelta) -> None:
        if self._native is not None and event.index == self._native.index:
            self._release(self._native)
            self._native.delta(event)

    def hold_ping(self, event: Ping) -> None:
        # Claude itself pings right after the first block's start: the order stays as it is there.
        if self._native is not None:
            self._native.pings += 1

    def stop_held(self, event: NativeBlockStopped) -> None:
        if self._native is not None and event.index == self._native.index:
            self.state = IDLE
            if self._native.has_text():
                self._release(self._native)
                self.stop_native(event)

    def leave_held(self) -> None:
        if self._native is not None and self._native.has_text():
            self._release(self._native)
            self._native.break_off()

    def _release(self, native: NativeBlock) -> None:
        native.open(self._index)
        self._index += 1
        self.content_sent = True
        self.kinds.add(native.kind)
        self.state = NATIVE


_OPENING: dict[type, Handler] = {
    TextDelta: Blocks.open_text,
    ThinkingDelta: Blocks.open_thinking,
    ThinkingSignature: Blocks.sign_nothing,
    ToolCallStarted: Blocks.start_call,
    ToolArgumentsDelta: Blocks.arguments,
    NativeBlockStarted: Blocks.open_native,
    NativeBlockDelta: Blocks.ignore,
    NativeBlockStopped: Blocks.ignore,
}
# Nothing is open and nothing may be: before the message began and after it ended.
SHUT = State({}, leave=Blocks.leave_nothing, keepalive=Blocks.ping)
IDLE = State(_OPENING, leave=Blocks.leave_nothing, keepalive=Blocks.ping)
TEXT = State(_OPENING | {TextDelta: Blocks.text}, leave=Blocks.leave_text, keepalive=Blocks.text_keepalive)
THINKING = State(
    _OPENING | {ThinkingDelta: Blocks.thinking, ThinkingSignature: Blocks.sign},
    leave=Blocks.leave_thinking,
    keepalive=Blocks.thinking_keepalive,
)
TOOL = State(
    _OPENING
    | {ToolCallStarted: Blocks.queue_call}
    | dict.fromkeys((TextDelta, ThinkingDelta, ThinkingSignature), Blocks.content_in_call),
    leave=Blocks.leave_calls,
    keepalive=Blocks.arguments_keepalive,
)
NATIVE = State(
    _OPENING | {NativeBlockDelta: Blocks.native_delta, NativeBlockStopped: Blocks.stop_native},
    leave=Blocks.leave_native,
    keepalive=Blocks.native_keepalive,
)
HELD = State(
    _OPENING | {NativeBlockDelta: Blocks.held_delta, NativeBlockStopped: Blocks.stop_held, Ping: Blocks.hold_ping},
    leave=Blocks.leave_held,
    keepalive=Blocks.ping,
)

EVENTS = tuple(_OPENING)
