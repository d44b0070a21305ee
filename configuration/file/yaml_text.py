"""Reads and writes YAML without its traps: dates, times and `yes` are text, and duplicate keys are errors."""

from __future__ import annotations

import re
from collections.abc import Hashable
from decimal import Decimal
from typing import Any

import yaml

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_WIDTH = 110
"""Characters of the longest entry that is written in one line."""
_MAX_DEPTH, _MAX_NODES = 60, 2_000_000


class YamlError(ValueError):
    """A text that cannot be read as YAML; the message gives line and column."""


class _DuplicateKey(yaml.constructor.ConstructorError):
    """A mapping that has a key twice."""


class PlainLoader(_Loader):  # type: ignore[misc]
    """Reads true, false, null and numbers in their usual spelling; everything else without quotes is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Like the base class, but refuses duplicate keys."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if key_node.value in seen:
                raise _DuplicateKey(None, None, f"Duplicate key {key_node.value!r}", key_node.start_mark)
            seen.add(key_node.value)
        found: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return found


def _int(loader: Any, node: Any) -> int:
    # Not the base class's: 010 is ten, and 1:30 is no number of seconds.
    return int(loader.construct_scalar(node))


PlainLoader.add_constructor("tag:yaml.org,2002:int", _int)


def load(text: str) -> Any:
    """The value of a YAML text, UTF-8 decoded. Raises YamlError."""
    try:
        value = yaml.load(text, PlainLoader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        reason = (
            error.problem if isinstance(error, _DuplicateKey) else f"This is not YAML: {error.problem or error.context}"
        )
        raise YamlError(f"{reason}{where}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError(f"This is not YAML: {error}.") from error
    _check_size(value)
    return value


def _check_size(value: Any) -> None:
    """Raises YamlError for values that are nested too deeply, contain themselves, or grow by repeated aliases."""
    level, seen = [value], 0
    for _ in range(_MAX_DEPTH):
        level = [
            part
            for node in level
            if isinstance(node, dict | list)
            for part in (node.values() if isinstance(node, dict) else node)
        ]
        seen += len(level)
        if not level:
            return
        if seen > _MAX_NODES:
            break
    raise YamlError("This YAML is nested too deeply, or repeats its aliases too often.")


class _ReadableDumper(_Dumper):  # type: ignore[misc]
    """Writes short entries in one line and multi-line texts as blocks, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Writes the same list twice rather than an anchor."""
        return True


class _Outermost(dict[str, Any]):
    """The outermost mapping, which is never written in one line."""


def _outermost(dumper: Any, value: _Outermost) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=False)


def _mapping(dumper: Any, value: dict[str, Any]) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=_fits_a_line(value))


def _sequence(dumper: Any, value: list[Any]) -> Any:
    flat = not any(isinstance(part, dict) for part in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flat and _fits_a_line(value))


def _text(dumper: Any, value: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


def _decimal(dumper: Any, value: Decimal) -> Any:
    is_integer = value == value.to_integral_value()
    text = str(int(value)) if is_integer else format(value.normalize(), "f")
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'int' if is_integer else 'float'}", text)


_ReadableDumper.add_representer(_Outermost, _outermost)
_ReadableDumper.add_representer(dict, _mapping)
_ReadableDumper.add_representer(list, _sequence)
_ReadableDumper.add_representer(str, _text)
_ReadableDumper.add_representer(Decimal, _decimal)


for _tag, _pattern, _first in (
    ("bool", r"true|false|True|False|TRUE|FALSE", [*"tTfF"]),
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("int", r"[-+]?[0-9]+", [*"-+0123456789"]),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", [*"-+.0123456789"]),
    ("merge", r"<<", ["<"]),
):
    for _kind in (PlainLoader, _ReadableDumper):
        # The dumper quotes what would be read as another type. The first letter of an empty value is "".
        _kind.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def _fits_a_line(value: Any) -> bool:
    return _length(value) <= _WIDTH


def _length(value: Any) -> int:
    """The approximate length of a value in one line; above _WIDTH where it cannot be written in one."""
    if isinstance(value, dict):
        return 2 + sum(_length(key) + _length(part) + 4 for key, part in value.items())
    if isinstance(value, list):
        return 2 + sum(_length(part) + 2 for part in value)
    text = str(value)
    return len(text) if "\n" not in text else _WIDTH + 1


def dump(value: dict[str, Any]) -> str:
    """A mapping as YAML; the same value gives the same text."""
    text: str = yaml.dump(
        _Outermost(value), Dumper=_ReadableDumper, sort_keys=False, allow_unicode=True, width=_WIDTH + 20, indent=2
    )
    return text
