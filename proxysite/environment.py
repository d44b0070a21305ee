"""Reads settings from the environment, and says which of them is malformed."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured


class Environment(environ.Env):
    """The environment; `read` holds all variables that the settings read, each with its value and its default."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.read: dict[str, tuple[Any, Any]] = {}

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        """Every other method of the base class calls this one. Raises ImproperlyConfigured."""
        self.read[var] = (None, None)
        try:
            value = super().get_value(var, *args, **options)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} is malformed: {error}. .env.example describes it.") from error
        self.read[var] = (value, options.get("default"))
        return value

    def one_of(self, var: str, *choices: str, default: str, alike: dict[str, str] | None = None) -> str:
        """Returns the value as the choice that it is, in capitals or not: of what Django needs before any check runs.
        `alike` has other names of choices, in capitals. Raises ImproperlyConfigured."""
        given = self.str(var, default=default)
        meant = (alike or {}).get(given.upper(), given)
        for choice in choices:
            if meant.lower() == choice.lower():
                return choice
        raise ImproperlyConfigured(
            f"{var} is malformed: {given!r} is none of {', '.join(choices)}. .env.example describes it."
        )

    def zone(self, var: str, *, default: str) -> str:
        """Returns the name of a time zone that this machine knows. Raises ImproperlyConfigured."""
        given = self.str(var, default=default)
        try:
            return ZoneInfo(given).key
        except (ValueError, OSError, LookupError) as error:
            raise ImproperlyConfigured(
                f"{var} is malformed: {given!r} is no time zone such as Europe/Berlin. .env.example describes it."
            ) from error
