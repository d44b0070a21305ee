"""Reads a configuration file in any of the supported formats. Raises ConfigurationError."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import json5
import msgspec

from configuration.file import yaml_text
from configuration.file.schema import Configuration, ConfigurationError
from configuration.foreign import ccr, litellm
from configuration.foreign.conversion import Conversion

Format = Literal["auto", "ours", "ccr", "litellm"]
FORMATS: tuple[str, ...] = get_args(Format)

_MAX_BYTES = 20 * 1024 * 1024
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<place>[^`]*)`)?$", re.DOTALL)
_JSON5_ERROR = re.compile(r"^<string>:(?P<line>\d+) (?P<what>.*) at column (?P<column>\d+)$", re.DOTALL)


class ParsedFile(msgspec.Struct):
    """A file's configuration. `not_carried_over` and `to_do` are lines for the operator, `title` names the format.

    A file of another gateway is `foreign`: its entries are named, not numbered, and it changes no existing price.
    """

    title: str
    configuration: Configuration
    not_carried_over: list[str] = []
    to_do: list[str] = []
    foreign: bool = False


def read(path: Path, format: str = "auto") -> ParsedFile:
    """The configuration in a file of at most 20 MB in UTF-8."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > _MAX_BYTES:
        raise ConfigurationError(f"{path} is larger than {_MAX_BYTES // 2**20} MB, so it cannot be a configuration.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text: byte {error.start} is invalid.") from error
    return read_text(text, format)


def read_text(
    text: str, format: str = "auto", environ: Mapping[str, str] = os.environ, *, most_json5: int | None = None
) -> ParsedFile:
    """The configuration in a text; `environ` fills in the variables that a foreign file names. JSON that is not plain
    may have `most_json5` characters: it takes a second for every 15,000."""
    value = _parse(text, format, most_json5)
    if not isinstance(value, dict):
        raise ConfigurationError("This is not a configuration file: this gateway's own files start with `version: 1`.")
    if format == "ccr" or (format == "auto" and ccr.is_one(value)):
        return _foreign(f"claude-code-router, version {ccr.version(value)}", ccr.read(value, environ))
    if format == "litellm" or (format == "auto" and litellm.is_one(value)):
        return _foreign("LiteLLM", litellm.read(value, environ))
    return ParsedFile("gateway configuration", _convert(value))


def _parse(text: str, format: str, most_json5: int | None) -> Any:
    """The value of a text: as JSON where it looks like JSON, else as YAML."""
    if format == "ccr" or (format == "auto" and text.lstrip()[:1] in ("{", "/")):
        return load_json5(text, most_json5)
    try:
        return yaml_text.load(text)
    except yaml_text.YamlError as error:
        raise ConfigurationError(str(error)) from error


def load_json5(text: str, most: int | None = None) -> Any:
    """The value of a JSON text, which may have comments, trailing commas, unquoted names and single quotes; with one of
    these at most `most` characters, if that is given."""
    try:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            if most is not None and len(text) > most:
                raise ConfigurationError(
                    f"This is not plain JSON: {error.msg} in line {error.lineno}, column {error.colno}. With comments, "
                    f"trailing commas or single quotes this page takes up to {most // 1000} kB. Import it on the "
                    "gateway's host with ./gateway import_config, or make it plain JSON."
                ) from error
            # Slower by a factor of a thousand, so only for texts that are not plain JSON.
            return json5.loads(text)
    except RecursionError as error:
        raise ConfigurationError("This JSON is nested too deeply.") from error
    except ValueError as error:
        found = _JSON5_ERROR.match(str(error))
        reason = f"{found['what']} in line {found['line']}, column {found['column']}" if found else str(error)
        raise ConfigurationError(f"This is not JSON: {reason}.") from error


def _foreign(title: str, conversion: Conversion) -> ParsedFile:
    return ParsedFile(
        title,
        conversion.configuration,
        not_carried_over=conversion.not_carried_over,
        to_do=conversion.to_do,
        foreign=True,
    )


def _convert(value: Any) -> Configuration:
    try:
        return msgspec.convert(value, Configuration)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_with_place(str(error))) from error


def _with_place(message: str) -> str:
    """A message of msgspec's with its place first: `providers[2].models[0].context_window: Expected int, …`."""
    found = _PLACE.match(message)
    what, where = (message, "") if found is None else (found["what"], found["place"] or "")
    what = re.sub(r"^Object contains unknown field (`[^`]*`)$", r"Unknown field \1", what)
    what = re.sub(r"^Object missing required field (`[^`]*`)$", r"Required field \1 is missing", what)
    return f"{where}: {what}." if where else f"{what[:1].upper()}{what[1:]}."
