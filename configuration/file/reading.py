"""A file's text to the configuration that it describes, whoever's format it is in. Raises ConfigurationError."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from configuration.apply.import_report import ConfigurationError
from configuration.file import yaml_text
from configuration.file.schema import Configuration
from configuration.foreign import ccr, json5, litellm
from configuration.foreign.conversion import Draft

Format = Literal["auto", "ours", "ccr", "litellm"]
FORMATS: tuple[str, ...] = get_args(Format)

_MOST_BYTES = 20 * 1024 * 1024
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<place>[^`]*)`)?$", re.DOTALL)


class Read(msgspec.Struct):
    """What a file says. `lost` could not be carried over, `todo` is for somebody to do. `title` is the format's name.

    A file of another gateway is `foreign`: its entries have no places in the file, and it changes no price.
    """

    title: str
    configuration: Configuration
    lost: list[str] = []
    todo: list[str] = []
    foreign: bool = False


def read(path: Path, format: str = "auto") -> Read:
    """The configuration in a file."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > _MOST_BYTES:
        raise ConfigurationError(f"{path} has more than {_MOST_BYTES // 2**20} MB: this is no configuration.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text: byte {error.start} is wrong.") from error
    return read_text(text, format)


def read_text(text: str, format: str = "auto", environ: Mapping[str, str] = os.environ) -> Read:
    """The configuration in a text."""
    value = _value(text, format)
    if not isinstance(value, dict):
        raise ConfigurationError("This file holds no configuration: our own begin with `version: 1`.")
    if format == "ccr" or (format == "auto" and ccr.is_one(value)):
        return _foreign(f"claude-code-router's, version {ccr.version(value)}", ccr.read(value, environ))
    if format == "litellm" or (format == "auto" and litellm.is_one(value)):
        return _foreign("LiteLLM's", litellm.read(value, environ))
    return Read("our own file", converted(value, Configuration))


def _value(text: str, format: str) -> Any:
    """What a text holds, as JSON where it looks like that, else as YAML."""
    try:
        if format == "ccr" or (format == "auto" and text.lstrip()[:1] in ("{", "/")):
            return json5.load(text)
        return yaml_text.load(text)
    except (json5.Json5Error, yaml_text.YamlError) as error:
        raise ConfigurationError(str(error)) from error


def _foreign(title: str, draft: Draft) -> Read:
    return Read(title, draft.configuration, lost=draft.lost, todo=draft.todo, foreign=True)


T = Any


def converted(value: Any, kind: Callable[..., T], place: str = "") -> T:
    """A value as a type; what is wrong is named with its place."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(placed(str(error), place)) from error


def placed(message: str, within: str = "") -> str:
    """One of msgspec's messages with its place in front: `providers[2].models[0].context_window: Expected int, …`."""
    found = _PLACE.match(message)
    what, place = (message, "") if found is None else (found["what"], found["place"] or "")
    where = f"{within}.{place}" if within and place and not place.startswith("[") else within + place
    what = re.sub(r"^Object contains unknown field (`[^`]*`)$", r"there is no field \1", what)
    what = re.sub(r"^Object missing required field (`[^`]*`)$", r"the field \1 is missing", what)
    return f"{where}: {what}." if where else f"{what[:1].upper()}{what[1:]}."
