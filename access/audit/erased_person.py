"""A person who is erased: what they are called in what is stored, and what is written in place of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db.models import Q

_AS_IN_JSON = re.compile(r"[\w .@+'-]+", re.ASCII)
"""Characters that JSON does not escape, and of which every database knows the other case."""


class Names:
    """Finds names, whatever their case, where they are words of their own, and what is written in their place."""

    def __init__(self, names: Iterable[str], replacement: str) -> None:
        self.replacement = replacement
        self.names = {name for name in names if name and name != replacement}
        longest_first = sorted(map(re.escape, self.names), key=len, reverse=True)
        any_of_them = rf"(?<![\w.@+-])(?:{'|'.join(longest_first)})(?![\w@+-]|\.\w)" if longest_first else r"(?!)"
        self._pattern = re.compile(any_of_them, re.IGNORECASE)

    def replaced(self, text: str) -> str:
        """Returns a text with the replacement for each name."""
        return self._pattern.sub(self.replacement, text)

    def without_addresses(self, text: str) -> str:
        """Returns a text with the replacement for e-mail addresses alone, since other names are words, too."""
        return self._pattern.sub(lambda match: self.replacement if "@" in match[0] else match[0], text)

    def replaced_as_user(self, text: str) -> str:
        """Returns what names an end user: replaced if it is a name, else without the addresses."""
        return self.replacement if self._pattern.fullmatch(text) else self.without_addresses(text)

    def mentioned_in(self, column: str) -> Q:
        """Returns a condition that every row fulfils whose column has a name in it, as text or in JSON. Other rows may,
        too: `replaced` decides."""
        found = Q(pk__in=[])
        for name in self.names:
            parts = Q(pk__isnull=False)
            for part in _AS_IN_JSON.findall(name):
                parts &= Q(**{f"{column}__icontains": part})
            found |= parts
        return found


class ErasedPerson(Names):
    """A person by what they were called, and `keys`, the client keys that ever were theirs.

    `theirs` are those of which every name is replaced. Of the others, which are somebody else's now, those names are
    that have a name of the person in them.
    """

    def __init__(self, person_id: int, names: Iterable[str], keys: Iterable[int]) -> None:
        super().__init__(names, replacement_of(person_id))
        self.id = person_id
        self.keys = frozenset(keys)
        self.theirs = set(self.keys)

    def name_of_key(self, key_id: int | None) -> str:
        """Returns what a key of theirs is called from now on: the name that they gave it may say who they are."""
        return f"key {key_id} of {self.replacement}"

    def renamed_key(self, owner_id: int | None, key_id: int | None, key_name: str) -> str:
        """Returns what a client key is called in a usage row with this owner."""
        if not key_name:
            return key_name
        named = key_id in self.keys and self.replaced(key_name) != key_name
        return self.name_of_key(key_id) if named or owner_id == self.id or key_id in self.theirs else key_name


def replacement_of(person_id: int) -> str:
    """Returns what is written in place of a person's names."""
    return f"deleted user {person_id}"
