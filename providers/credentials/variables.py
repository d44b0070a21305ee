"""The environment variables whose values may be used: those that CREDENTIAL_VARIABLES lists, never the gateway's own.

Whoever may name a variable can have its value sent to a provider. So the same list holds wherever a text is filled in
from the environment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from django.conf import settings


def is_own(name: str) -> bool:
    """Whether the gateway's settings read a variable: such a one is never sent anywhere."""
    return name in settings.SETTINGS_VARIABLES


def may_be_read(name: str) -> bool:
    """Whether a credential may name a variable."""
    return not is_own(name) and any(fnmatchcase(name, pattern) for pattern in settings.CREDENTIAL_VARIABLES)


def unreadable(names: Iterable[str]) -> list[str]:
    """Returns the names that may not be read, each once, in alphabetical order."""
    return sorted({name for name in names if not may_be_read(name)})


def readable(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the part of an environment that may be read."""
    return {name: value for name, value in environ.items() if may_be_read(name)}


def line_with(names: Collection[str]) -> str:
    """Returns the line for the environment that allows these variables beside those that are allowed now."""
    return "CREDENTIAL_VARIABLES=" + ",".join([*settings.CREDENTIAL_VARIABLES, *names])


def refusal_of(name: str) -> str:
    """Returns why a variable may not be read and what to do; "" for one that may."""
    if is_own(name):
        return f"{name} is one of the gateway's own settings, which are never sent to a provider: use another variable."
    if not may_be_read(name):
        allowed = ", ".join(settings.CREDENTIAL_VARIABLES) or "none"
        return (
            f"{name} may not be read (allowed: {allowed}). Rename the variable, or add this line to the environment "
            f"of every worker: {line_with([name])}"
        )
    return ""
