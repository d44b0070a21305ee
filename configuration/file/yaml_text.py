"""YAML in and out, without its traps: what looks like a date, a clock or a yes is text, and no name stands twice."""

from __future__ import annotations

import re
from collections.abc import Hashable
from decimal import Decimal
from typing import Any

import yaml

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_WIDTH = 110
"""Longest entry that stands in one line."""
_DEEPEST, _MOST = 60, 2_000_000


class YamlError(ValueError):
    """A text that is not YAML as it is read here; says the line and column."""


class _Plain(_Loader):  # type: ignore[misc]
    """Reads true, false, null and numbers in their usual spelling; everything else without quotes is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """As the base class, but a name that stands twice is an error."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key_node.value!r} stands here a second time", key_node.start_mark
                )
            seen.add(key_node.value)
        found: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return found


def _int(loader: Any, node: Any) -> int:
    # Not the base class's: 010 is ten, and 1:30 is no number of seconds.
    return int(loader.construct_scalar(node))


_Plain.add_constructor("tag:yaml.org,2002:int", _int)


def load(text: str) -> Any:
    """The value of a YAML text. Raises YamlError."""
    try:
        value = yaml.load(text, _Plain)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise YamlError(f"This is not YAML: {error.problem or error.context}{where}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError(f"This is not YAML: {error}.") from error
    _refuse_excess(value)
    return value


def _refuse_excess(value: Any) -> None:
    """Refuse what is nested deeper than any configuration, holds itself, or is small only by repeating itself."""
    level, seen = [value], 0
    for _ in range(_DEEPEST):
        level = [
            part
            for node in level
            if isinstance(node, dict | list)
            for part in (node.values() if isinstance(node, dict) else node)
        ]
        seen += len(level)
        if not level:
            return
        if seen > _MOST:
            break
    raise YamlError("This is nested too deeply, or repeats itself too often.")


class _Readable(_Dumper):  # type: ignore[misc]
    """Writes short entries in one line and texts of several lines as blocks; never an anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors: the same list written twice is two lists."""
        return True


class _Whole(dict[str, Any]):
    """The outermost mapping: never in one line."""


def _whole(dumper: Any, value: _Whole) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=False)


def _mapping(dumper: Any, value: dict[str, Any]) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=_fits_a_line(value))


def _sequence(dumper: Any, value: list[Any]) -> Any:
    flat = not any(isinstance(part, dict) for part in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flat and _fits_a_line(value))


def _text(dumper: Any, value: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


def _decimal(dumper: Any, value: Decimal) -> Any:
    whole = value == value.to_integral_value()
    text = str(int(value)) if whole else format(value.normalize(), "f")
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'int' if whole else 'float'}", text)


_Readable.add_representer(_Whole, _whole)
_Readable.add_representer(dict, _mapping)
_Readable.add_representer(list, _sequence)
_Readable.add_representer(str, _text)
_Readable.add_representer(Decimal, _decimal)


for _tag, _pattern, _first in (
    ("bool", r"true|false|True|False|TRUE|FALSE", [*"tTfF"]),
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("int", r"[-+]?[0-9]+", [*"-+0123456789"]),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", [*"-+.0123456789"]),
    ("merge", r"<<", ["<"]),
):
    for _kind in (_Plain, _Readable):
        # What would be read as something else is written in quotes. Of an empty value, "" is the first letter.
        _kind.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def _fits_a_line(value: Any) -> bool:
    return _length(value) <= _WIDTH


def _length(value: Any) -> int:
    """About how long a value is in one line; more than any line where it must not stand in one."""
    if isinstance(value, dict):
        return 2 + sum(_length(key) + _length(part) + 4 for key, part in value.items())
    if isinstance(value, list):
        return 2 + sum(_length(part) + 2 for part in value)
    text = str(value)
    return len(text) if "\n" not in text else _WIDTH + 1


def dump(value: dict[str, Any]) -> str:
    """A mapping as YAML: the same value, the same text."""
    text: str = yaml.dump(
        _Whole(value), Dumper=_Readable, sort_keys=False, allow_unicode=True, width=_WIDTH + 20, indent=2
    )
    return text
