"""The line of a file that an error is about, from the place that its message begins with."""

from __future__ import annotations

import re

import yaml

from configuration.file.yaml_text import PlainLoader

_PLACE = re.compile(r"(?P<place>[a-z_]+(?:\[\d+\])?(?:\.[a-z_]+(?:\[\d+\])?)*): ")
_PART = re.compile(r"[a-z_]+|\d+")


def line_of(text: str, message: str) -> int | None:
    """Returns the line, from 1, of `providers[2].models[0].name: …` in a text of this gateway's own format: that of the
    deepest part of the place which is there. None where the message names no place, or the text is another format's."""
    found = _PLACE.match(message)
    if found is None:
        return None
    try:
        node = yaml.compose(text, PlainLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    line = None
    for part in _PART.findall(found["place"]):
        inner = _inside(node, part)
        if inner is None:
            break
        line, node = inner
    return line


def _inside(node: yaml.Node | None, part: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        entry: yaml.Node = node.value[int(part)]
        return entry.start_mark.line + 1, entry
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    return None
