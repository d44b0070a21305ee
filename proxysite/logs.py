"""Formats log records as a text line or a JSON object, with the record's `fields`."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

_to_quote = re.compile(r'[ "=\n]').search


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = getattr(record, "fields", None)
    return {k: v for k, v in fields.items() if v is not None} if isinstance(fields, dict) else {}


class WithoutTraceback(logging.Filter):
    """Keeps a record and takes its traceback away: for what a caller does wrong, whose message says it all."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


class WithoutTokens(logging.Filter):
    """Takes the tokens out of the addresses of one-time links."""

    _LINK = re.compile(r"(/my/(?:join|password)/)[^/\s]+")

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._LINK.sub(r"\1...", record.getMessage()), ()
        return True


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO gateway.request message key=value …`."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        pairs = "".join(f" {key}={_quoted(value)}" for key, value in _fields(record).items())
        line = f"{when} {record.levelname} {record.name} {record.getMessage()}{pairs}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def _quoted(value: Any) -> str:
    text = str(value)
    return text if text and not _to_quote(text) else msgspec.json.encode(text).decode()
