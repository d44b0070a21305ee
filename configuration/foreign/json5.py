"""JSON as people write it: comments, trailing commas, names without quotes, texts in single quotes."""

from __future__ import annotations

import json
import re
from typing import Any

_TEXT = r'"(?:\\.|[^"\\])*"'
_COMMENT = re.compile(rf"({_TEXT}|'(?:\\.|[^'\\])*')|//[^\n]*|/\*.*?\*/", re.DOTALL)
_LOOSE = re.compile(rf"({_TEXT})|'((?:\\.|[^'\\])*)'|([A-Za-z_$][\w$-]*)(?=\s*:)|,(?=\s*[}}\]])", re.DOTALL)
_ESCAPE = re.compile(r'\\(.)|"', re.DOTALL)


class Json5Error(ValueError):
    """A text that is not JSON, however read; says the line and column."""


def load(text: str) -> Any:
    """The value of a text. Raises Json5Error."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        strict = _LOOSE.sub(_strict, _COMMENT.sub(_without_comment, text))
    except RecursionError as error:
        raise Json5Error("This JSON is nested too deeply.") from error
    try:
        return json.loads(strict)
    except json.JSONDecodeError as error:
        raise Json5Error(f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise Json5Error("This JSON is nested too deeply.") from error


def _without_comment(found: re.Match[str]) -> str:
    # The lines stay, so that an error is told in the right one.
    return found[1] if found[1] is not None else "\n" * found[0].count("\n") or " "


def _strict(found: re.Match[str]) -> str:
    text, single, name = found.groups()
    if text is not None:
        return text
    if single is not None:
        return '"' + _ESCAPE.sub(_double, single) + '"'
    return json.dumps(name) if name is not None else ""


def _double(found: re.Match[str]) -> str:
    if found[1] is None:
        return '\\"'
    return {"'": "'", "\n": ""}.get(found[1], found[0])
