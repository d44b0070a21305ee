"""What the admin checks before a rule is saved; each message says what to write instead."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from routing.rules.comparisons import ConditionError
from routing.rules.conditions import parse_conditions


def validate_conditions(value: Any) -> None:
    """Refuse conditions that could never be looked at."""
    try:
        parse_conditions(value)
    except ConditionError as error:
        raise ValidationError(str(error)) from error
