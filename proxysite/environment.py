"""Reads settings from the environment, and says which of them is malformed."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_0-9]+=.*)")
_OF_OTHERS = re.compile(r"\s*(?:export\s+)?[A-Za-z_0-9.-]+=.*")
"""A variable of another program, whose name has characters that those of settings do not have."""
_SPACED = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z_0-9]*)\s*(?:=.*)?")
_NUMBERS = {int: "a whole number", float: "a number"}
_FALSE = frozenset({"false", "off", "n", "no", "0", ""})


def read_file(path: Path) -> None:
    """Reads a file of NAME=value lines into the environment, whose own variables go first; none where it is missing.

    Raises ImproperlyConfigured for a line of another kind, which it does not repeat: it may hold a secret.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError:
        return
    accepted = []
    for number, line in enumerate(lines, 1):
        if (found := _LINE.fullmatch(line)) is not None:
            accepted.append(found[1])
        elif line.strip() and not line.lstrip().startswith("#") and not _OF_OTHERS.fullmatch(line):
            named = _SPACED.fullmatch(line)
            wanted = f"{named[1]}=value" if named else "NAME=value"
            raise ImproperlyConfigured(
                f"Line {number} of {path} is not a setting: write {wanted} without spaces around the equals sign. "
                "A line of words begins with #."
            )
    environ.Env.read_env(io.StringIO("\n".join(accepted)))


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
            kind = _NUMBERS.get(options.get("cast"))  # type: ignore[arg-type]
            why = f"{self.ENVIRON.get(var)!r} is not {kind}" if kind else str(error)
            raise ImproperlyConfigured(f"{var} is malformed: {why}. .env.example describes it.") from error
        given = str(self.ENVIRON.get(var, "")).strip().lower()
        known = given.startswith("$") or given in (*self.BOOLEAN_TRUE_STRINGS, *_FALSE)
        if options.get("cast") is bool and not known:
            raise ImproperlyConfigured(
                f"{var} is malformed: {given!r} is neither true nor false. .env.example describes it."
            )
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

    def hosts(self, var: str, *, default: list[str]) -> list[str]:
        """Returns host names as browsers send them, without their ports. Raises ImproperlyConfigured."""
        given: list[str] = self.list(var, default=default)
        for host in given:
            if "/" in host or (":" in host and not host.startswith("[")):
                raise ImproperlyConfigured(
                    f"{var} is malformed: {host!r} is no host name such as gateway.example.com, without https:// and "
                    "without a port. .env.example describes it."
                )
        return given

    def zone(self, var: str, *, default: str) -> str:
        """Returns the name of a time zone that this machine knows. Raises ImproperlyConfigured."""
        given = self.str(var, default=default)
        try:
            return ZoneInfo(given).key
        except (ValueError, OSError, LookupError) as error:
            raise ImproperlyConfigured(
                f"{var} is malformed: {given!r} is no time zone such as Europe/Berlin. .env.example describes it."
            ) from error
