"""What an import of keys does: a line for each team, key, budget and limit. No hash is ever in it as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator


class KeyReport:
    """Lines by what happens: + created, ~ changed, = as it was, ! refused."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []
        self._left_out: list[str] = []
        self.to_do: list[str] = []
        self.spend: list[str] = []
        self.service_keys = 0

    def add(self, sign: str, what: str, note: str = "") -> None:
        """Adds a team, a key, a budget or a limit."""
        self._lines.append((sign, f"{what}: {note}" if note else what))

    def refuse(self, place: str, what: str, why: str) -> None:
        """Adds a row that is not imported."""
        self._lines.append(("!", f"{what} ({place}): {why}."))

    def leave_out(self, what: str, settings: list[str]) -> None:
        """Adds settings that have no place here."""
        self._left_out.append(f"{what}: {', '.join(settings)}")

    def count(self) -> Counter[str]:
        """Returns how many lines there are by sign."""
        return Counter(sign for sign, _ in self._lines)

    def lines(self, *, write: bool) -> Iterator[str]:
        """Yields the lines for a terminal."""
        yield from (f"{sign} {line}" for sign, line in self._lines)
        if self._left_out:
            yield "Not carried over: this gateway has no such setting, or has it elsewhere."
            yield from (f"  {line}" for line in self._left_out)
        if self.service_keys:
            yield f"{self.service_keys} keys have a user who is no member of their team here: they are service keys."
        if self.to_do:
            yield "To do:"
            yield from (f"  {line}" for line in self.to_do)
        if self.spend:
            yield "Spend in LiteLLM by month, under the route 'imported from LiteLLM':"
            yield from (f"  {line}" for line in self.spend)
        count = self.count()
        done = f"{count['+']} created, {count['~']} changed, {count['=']} unchanged, {count['!']} refused."
        yield done if write else f"{done} Nothing was written. Run it again with --write to apply this."
