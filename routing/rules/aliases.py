"""Aliases: other names and patterns of names, in the order in which they are compared.

Which aliases match a name is computed once per name: clients use few.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from access.keys import glob

_MAX_NAMES = 4096


class AliasConfig(msgspec.Struct, frozen=True):
    """A pattern of names and the target it stands for; `regex` takes a name in lower case."""

    pattern: str
    regex: re.Pattern[str]
    target: str


class AliasIndex:
    """All aliases of a snapshot."""

    def __init__(self, aliases: Sequence[AliasConfig] = ()) -> None:
        self.aliases = tuple(aliases)
        self._by_name: dict[str, tuple[AliasConfig, ...]] = {}

    def matching(self, name: str) -> tuple[AliasConfig, ...]:
        """Returns the aliases whose pattern matches a name, in order."""
        if not self.aliases:
            return ()
        name = name.lower()
        found = self._by_name.get(name)
        if found is None:
            found = tuple(alias for alias in self.aliases if alias.regex.fullmatch(name) is not None)
            if len(self._by_name) >= _MAX_NAMES:
                self._by_name.clear()
            self._by_name[name] = found
        return found


def make_alias(pattern: str, target: str) -> AliasConfig:
    """Returns an alias with its pattern compiled."""
    return AliasConfig(pattern, glob(pattern.lower()), target)
