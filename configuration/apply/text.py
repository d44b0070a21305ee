"""An import told in lines: what is made, changed and left, what could not be carried over, what is to be done."""

from __future__ import annotations

from collections.abc import Iterator

from configuration.apply.import_report import Change, Ledger

_SIGNS = {"create": "+", "change": "~", "remove": "-"}
_MOST_NAMES = 20


def report(ledger: Ledger, *, write: bool) -> str:
    """The whole report."""
    return "\n".join(_lines(ledger, write))


def _lines(ledger: Ledger, write: bool) -> Iterator[str]:
    for change in ledger.changes:
        yield from _change(change)
    if ledger.left:
        yield "Left as they are, because the file does not speak of them:"
        for kind, names in ledger.left.items():
            yield f"  {kind}: {_names(names)}"
    if ledger.lost:
        yield "Could not be carried over:"
        yield from (f"  {line}" for line in ledger.lost)
    if ledger.todo:
        yield "To do:"
        yield from (f"  {line}" for line in ledger.todo)
    yield _sum(ledger, write)
    if not write:
        yield "Nothing was written: run it again with --write."


def _change(change: Change) -> Iterator[str]:
    if change.verb == "same":
        return
    yield f"{_SIGNS[change.verb]} {change.kind} {change.name}"
    for field, before, after in change.lines:
        yield f"    {field}: {before} → {after}" if before else f"    {field}: {after}"


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"


def _sum(ledger: Ledger, write: bool) -> str:
    count = ledger.count()
    words = ("created", "changed", "removed") if write else ("to create", "to change", "to remove")
    done = (f"{count[verb]} {word}" for verb, word in zip(("create", "change", "remove"), words, strict=True))
    left = sum(map(len, ledger.left.values()))
    return f"{', '.join(done)}, {count['same']} already as in the file, {left} not in it."
