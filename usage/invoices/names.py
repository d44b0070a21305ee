"""Which names of models on an invoice and here mean the same one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

_SUFFIXES: Final = re.compile(
    r"(-v\d+(:\d+)?(:\d+k)?|:(free|nitro|floor|beta|extended)|[-@]20\d{2}-?\d{2}-?\d{2}|@default|-latest|-00\d)$"
)
_REGION = re.compile(r"^(us|eu|apac|jp|au|ca|sa|me|global|us-gov)\.(?=[a-z0-9]+\.)")
_VENDOR = re.compile(r"^[a-z][a-z0-9]+\.(?=[a-z])")
_KIND = re.compile(r",\s*[\w -]+$")
"""What OpenAI's costs say behind the model: `, input`, `, cached input`, `, output`."""


def plain(name: str) -> str:
    """Returns a model's name without what names of the same model differ in: capitals and blanks, the vendor and the
    region before it, the date and the version behind it. `Claude Sonnet 4.5` and
    `us.anthropic.claude-sonnet-4-5-20250929-v1:0` are both `claude-sonnet-4-5`."""
    found = _KIND.sub("", name.strip().lower()).rpartition("/")[2]
    found = _VENDOR.sub("", _REGION.sub("", found))
    before = ""
    while before != found:
        before, found = found, _SUFFIXES.sub("", found)
    return re.sub(r"[\s._:-]+", "-", found).strip("-")


class Labels(msgspec.Struct, frozen=True):
    """The name that each name on the invoice, and each one here, is compared under."""

    invoice: dict[str, str]
    ours: dict[str, str]


def match(invoice: Iterable[str], ours: Iterable[str], aliases: Mapping[str, str]) -> Labels:
    """Returns which names mean the same model: those that an alias names, the same ones, and those that are the same
    when they are `plain`. The name here is the label, where there is one."""
    here, found = sorted(set(ours)), Labels({}, {})
    exact = {name.casefold(): name for name in here}
    known = {name.casefold(): target for name, target in aliases.items()}
    waiting = []
    for name in sorted(set(invoice)):
        target = known.get(name.casefold(), name)
        if name.casefold() in known or target.casefold() in exact:
            found.invoice[name] = exact.get(target.casefold(), target)
        else:
            waiting.append(name)
    taken = set(found.invoice.values())
    by_plain = {plain(name): name for name in [*reversed(here), *sorted(taken)]}
    for name in waiting:
        found.invoice[name] = by_plain.setdefault(plain(name), name)
    taken = set(found.invoice.values())
    for name in here:
        found.ours[name] = name if name in taken else by_plain.get(plain(name), name)
    return found
