"""Lines of a report and how they add up; what is unknown is None and stays so. Reads no database."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from usage.rollups import measures

if TYPE_CHECKING:

    class _Totals(msgspec.Struct, frozen=True):
        # Those that code names; a new one needs no line here.
        requests: int = 0
        errors: int = 0
        input: int | None = None
        cache_read: int | None = None
        cache_write: int | None = None
        output: int | None = None
        cost: Decimal | None = None
        unpriced: int = 0

else:
    _Totals = msgspec.defstruct(
        "_Totals",
        [(measure.total, Any, None if measure.kind == "sum" else 0) for measure in measures.REPORTED],
        frozen=True,
    )


class Totals(_Totals, frozen=True):
    """The measures of a report, added up. A sum is None if no request knew it; `unpriced` is the number of answers
    without a known cost."""

    @property
    def tokens(self) -> int:
        """All tokens together, for charts: an unknown sum adds nothing."""
        return sum(getattr(self, total) or 0 for total in _TOKENS)


_TOKENS = tuple(measure.total for measure in measures.REPORTED if measure.kind == "sum" and measure.unit == "tokens")


def exact(value: float | Decimal | None) -> float | str | None:
    """Returns a figure for programs: amounts as exact decimals, what is unknown as None."""
    return f"{value:f}" if isinstance(value, Decimal) else value
