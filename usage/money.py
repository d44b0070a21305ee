"""Money: an integer of pico-dollars in the database and on the hot path, a Decimal of US dollars at the edges.

SQLite stores a DecimalField as a float; integers are exact everywhere.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

PICO = 10**12


def to_pico(dollars: Decimal) -> int:
    """Returns the pico-dollars of an amount in US dollars. Raises ValueError for a fraction of a pico-dollar."""
    scaled = dollars * PICO
    if scaled != scaled.to_integral_value():
        raise ValueError("more than 12 decimals of a dollar")
    return int(scaled)


def to_dollars(pico: int) -> Decimal:
    """Returns the exact US dollars of an amount in pico-dollars."""
    return Decimal(pico).scaleb(-12)


def per_token(dollars_per_million: Decimal) -> int:
    """Returns the pico-dollars per token of a price in US dollars per million. Raises ValueError for a finer price."""
    pico = dollars_per_million * (PICO // 1_000_000)
    if pico != pico.to_integral_value():
        raise ValueError("more than 6 decimals of a dollar per million tokens")
    return int(pico)


class DollarsField(models.BigIntegerField):  # type: ignore[type-arg]
    """Holds a Decimal of US dollars in Python and an integer of pico-dollars in the database."""

    description = "US dollars, stored as integer pico-dollars"

    # For the type checker: what may be assigned. What is read is Decimal | None, which cannot be declared per field.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: int | None, expression: object, connection: object) -> Decimal | None:
        return None if value is None else to_dollars(value)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        try:
            return Decimal(str(value))
        except ArithmeticError as error:
            raise ValidationError("Enter an amount in US dollars, such as 0.25.") from error

    def get_prep_value(self, value: Any) -> int | None:
        dollars = self.to_python(value)
        if dollars is None:
            return None
        return to_pico(dollars)


class PerMillionField(DollarsField):
    """A price in US dollars per million tokens: a whole number of pico-dollars per token, or it is not stored."""

    description = "US dollars per million, an integer of pico-dollars each"

    def get_prep_value(self, value: Any) -> int | None:
        dollars = self.to_python(value)
        if dollars is not None:
            per_token(dollars)
        return super().get_prep_value(dollars)
