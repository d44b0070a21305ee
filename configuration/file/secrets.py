"""Tells secrets in files from names of environment variables. Secrets are never shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_REFERENCE = re.compile(
    r"(?:\$\{(?P<braced>[A-Za-z_]\w*)\}|\$(?P<plain>[A-Za-z_]\w*)|os\.environ/(?P<python>[A-Za-z_]\w*))"
)


class BadSecret(ValueError):
    """A text that cannot be a secret; the message does not quote it."""


def variable_of(text: str) -> str | None:
    """The environment variable of `$NAME`, `${NAME}` or `os.environ/NAME`; None for any other text."""
    found = _REFERENCE.fullmatch(text.strip())
    return None if found is None else _name(found)


def holds_variable(text: str) -> bool:
    """Whether a text names a variable anywhere."""
    return _REFERENCE.search(text) is not None


def variables_in(text: str) -> list[str]:
    """The names of the variables in a text."""
    return [_name(found) for found in _REFERENCE.finditer(text)]


def fill_in(text: str, environ: Mapping[str, str]) -> str | None:
    """A text with the values of its variables; None where one of them is not set."""
    if not all(environ.get(name) for name in variables_in(text)):
        return None
    return _REFERENCE.sub(lambda found: environ[_name(found)], text)


def _name(found: re.Match[str]) -> str:
    return next(name for name in found.groups() if name)


def one_line(secret: str) -> str:
    """A secret as it is stored: visible ASCII, or a JSON file in one line. Raises BadSecret."""
    if secret.startswith("{"):
        try:
            return json.dumps(json.loads(secret))
        except (json.JSONDecodeError, RecursionError) as error:
            raise BadSecret(
                "The secret looks like a JSON file but is not valid JSON. Copy the complete file again."
            ) from error
    if not secret or not all("!" <= character <= "~" for character in secret):
        raise BadSecret("The secret is empty or contains characters that no key has. Copy it again.")
    return secret
