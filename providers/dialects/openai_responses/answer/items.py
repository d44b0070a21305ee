"""The output items of one answer: which item an event belongs to, and what of it was sent already.

Identity is the output index, else the id; servers leave the index out, use 0 for every item, or give one item a new id
in each event. Where the kind does not fit, it is another item.
"""

from __future__ import annotations

from providers.dialects.openai_responses.answer.shapes import Item, StreamEvent

MESSAGE, REASONING, CALL = "message", "reasoning", "function_call"
KINDS = frozenset({MESSAGE, REASONING, CALL})
AT_MOST = 10_000


class TooManyItems(ValueError):
    """No answer has that many items, and no item that many parts."""


class OutputItem:
    """One item. `sent_parts`: parts of which something was sent; `source`: which of its two texts reasoning uses.

    Of a call: `started`: it was sent; `sent`: characters of arguments that came; `held`: those that wait for the name;
    `early`: arguments that came with the announcement.
    """

    __slots__ = ("call_id", "early", "held", "key", "kind", "sent", "sent_parts", "source", "started")

    def __init__(self, key: int, kind: str, call_id: str | None) -> None:
        self.key = key
        self.kind = kind
        self.sent_parts: set[int] = set()
        self.source: str | None = None
        self.call_id = call_id
        self.started = False
        self.sent = 0
        self.held: list[str] = []
        self.early = ""

    def add_part(self, part: int) -> None:
        """Something of a part is sent. Raises TooManyItems."""
        self.sent_parts.add(part)
        if len(self.sent_parts) > AT_MOST:
            raise TooManyItems(f"an item of more than {AT_MOST} parts")


class Items:
    """All items of an answer, in the order in which they came."""

    __slots__ = ("_by_call_id", "_by_id", "_by_index", "all")

    def __init__(self) -> None:
        self.all: list[OutputItem] = []
        self._by_index: dict[int, OutputItem] = {}
        self._by_id: dict[str, OutputItem] = {}
        self._by_call_id: dict[str, OutputItem] = {}

    def begin(self, index: int | None, item: Item) -> OutputItem:
        """A new item. Raises TooManyItems."""
        if len(self.all) >= AT_MOST:
            raise TooManyItems(f"an answer of more than {AT_MOST} items")
        begun = OutputItem(len(self.all), item.type or "", item.call_id or None)
        self.all.append(begun)
        if index is not None:
            self._by_index[index] = begun
        if item.id:
            self._by_id[item.id] = begun
        if begun.call_id is not None:
            self._by_call_id.setdefault(begun.call_id, begun)
        return begun

    def announced(self, index: int | None, item: Item) -> OutputItem | None:
        """The call that is announced once more."""
        found = None if index is None or not item.call_id else self._by_index.get(index)
        return found if found is not None and found.call_id == item.call_id else None

    def of_event(self, event: StreamEvent, kind: str) -> OutputItem | None:
        """The item that a delta belongs to, if it was announced."""
        index = event.output_index
        if index is not None:
            item = self._by_index.get(index)
            if item is not None and item.kind == kind:
                return item
        named = self._by_id.get(event.item_id or "")
        if named is not None and named.kind == kind:
            return named
        if index is not None and item is None:
            return None
        return next((item for item in reversed(self.all) if item.kind == kind), None)

    def of_item(self, index: int | None, item: Item) -> OutputItem | None:
        """The item that a complete one was announced as, if it was."""
        if item.type == CALL and item.call_id:
            found = self._by_index.get(index) if index is not None else None
            if found is not None and found.kind == CALL and found.call_id in (None, item.call_id):
                return found
            return self.called(item.call_id)
        return self.of_event(StreamEvent(output_index=index, item_id=item.id), item.type or "")

    def called(self, call_id: str | None) -> OutputItem | None:
        """The call that has this id at the provider."""
        return self._by_call_id.get(call_id or "")
