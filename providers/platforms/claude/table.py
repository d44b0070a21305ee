"""What a table of a Claude server is: rows that say what happens to one field or beta, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from providers.fidelity import Fidelity

Place = Literal[
    "beta",  # a value of the header anthropic-beta
    "field",  # a field at the top of the body
    "output_config",  # a field of output_config
    "thinking",  # a field of thinking, or one value of it: display=updates
    "edit",  # an edit of context_management, by the beginning of its type
    "tool",  # a field of a tool
    "server_tool",  # a tool that the server runs, by the beginning of its type
    "message",  # a field of a message, or the role: role=system
    "block",  # a field of a content block, or a block by its type: type=tool_reference
    "cache_control",  # a field of cache_control, wherever that stands
]


class Row(msgspec.Struct, frozen=True):
    """One line of a table.

    `does`: what happens to it. A beta or field that is forwarded only together with a beta names it in `beta`; without
    that beta it is dropped (or restated, where `does` says so). `code` is what is noted when the client loses
    something. `into` is what it becomes: a beta's names there, or a field's new place. `source` and `read` say where
    and when this was found.
    """

    place: Place
    name: str
    does: Literal["forwarded", "moved", "restated", "dropped"]
    source: str
    read: str
    beta: str | None = None
    code: Fidelity | None = None
    into: tuple[str, ...] = ()


class Server(msgspec.Struct, frozen=True):
    """One cloud's table. Betas that it does not name are dropped; every other thing that it does not name is forwarded.

    `counts_betas`: whether a request that counts may have betas.
    """

    name: str
    rows: tuple[Row, ...]
    counts_betas: bool = False

    def at(self, place: Place) -> Iterator[Row]:
        """The rows of one place."""
        return (row for row in self.rows if row.place == place)

    @property
    def betas(self) -> tuple[str, ...]:
        """The betas that are passed on under their own names."""
        return tuple(row.name for row in self.at("beta") if row.does == "forwarded")

    @property
    def renamed_betas(self) -> dict[str, tuple[str, ...]]:
        """A beta's names at this server."""
        return {row.name: row.into for row in self.at("beta") if row.does == "restated"}
