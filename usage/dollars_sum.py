"""Adds up money in the database, without a largest sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Func, Sum

_PART = 10**9
_WIDTH = 10
"""Of the lower part in a text: its digits and a sign."""
_WHOLE_WIDTH = 30


class _Higher(Func):
    template = f"(%(expressions)s / {_PART})"
    arity = 1


class _Lower(Func):
    # Once for the template, once for the parameters of the statement.
    template = f"(%(expressions)s %%%% {_PART})"
    arity = 1


class DollarsSum(Sum):
    """Sum of a DollarsField. SQLite's own ends with an error beyond 2**63 - 1 pico-dollars, $9.2 million.

    There it adds up two parts of each number, and makes one text of them: padded, so that sums that are not negative
    sort as numbers do.
    """

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        """Returns SQL for SQLite."""
        (higher, values), (lower, others) = (self._sum_of(part, compiler, connection) for part in (_Higher, _Lower))
        padding = "0" * _WHOLE_WIDTH
        text = (
            f"substr('{padding}' || ({higher} + {lower} / {_PART}), {_WIDTH - _WHOLE_WIDTH}) || "
            f"substr('{padding}' || ({lower} %% {_PART}), -{_WIDTH})"
        )
        return text, (*values, *others, *others)

    @property
    def convert_value(self) -> Callable[[Any, Any, Any], Any]:
        """The function from what the driver gives to pico-dollars."""
        return _pico

    def _sum_of(self, part: type[Func], compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        summed = self.copy()
        expression, *others = self.get_source_expressions()
        summed.set_source_expressions([part(expression), *others])
        sql, values = super(DollarsSum, summed).as_sql(compiler, connection)
        return sql, list(values)


def _pico(value: Any, expression: object, connection: object) -> int | None:
    if isinstance(value, str):
        return _signed(value[:-_WIDTH]) * _PART + _signed(value[-_WIDTH:])
    return None if value is None else int(value)


def _signed(padded: str) -> int:
    digits = int(padded.replace("-", ""))
    return -digits if "-" in padded else digits
