"""Validators of model fields; each message says what to write instead. Migrations import this path."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from routing.rules.conditions import ConditionError, parse_conditions


def validate_conditions(value: Any) -> None:
    """Raises ValidationError for conditions that could not be compiled."""
    try:
        parse_conditions(value)
    except ConditionError as error:
        raise ValidationError(str(error)) from error
