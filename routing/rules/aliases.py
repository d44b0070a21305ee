"""Aliases: other names and patterns of names, in the order in which they are looked at.

Which of them fit a name is worked out once a name: those that clients use are few.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from routing.rules.globs import glob

_MOST_NAMES = 4096


class AliasConfig(msgspec.Struct, frozen=True):
    """A pattern of names and what they stand for; `fits` takes a name in lower case."""

    pattern: str
    fits: re.Pattern[str]
    target: str


class AliasIndex:
    """All aliases of a snapshot."""

    def __init__(self, aliases: Sequence[AliasConfig] = ()) -> None:
        self.aliases = tuple(aliases)
        self._seen: dict[str, tuple[AliasConfig, ...]] = {}

    def fitting(self, name: str) -> tuple[AliasConfig, ...]:
        """Those that fit a name."""
        if not self.aliases:
            return ()
        name = name.lower()
        found = self._seen.get(name)
        if found is None:
            found = tuple(alias for alias in self.aliases if alias.fits.fullmatch(name) is not None)
            if len(self._seen) >= _MOST_NAMES:
                self._seen.clear()
            self._seen[name] = found
        return found


def make_alias(pattern: str, target: str) -> AliasConfig:
    """An alias with its pattern compiled."""
    return AliasConfig(pattern, glob(pattern.lower()), target)
