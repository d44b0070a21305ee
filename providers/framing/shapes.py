"""Reading JSON by its shape: as structs where a server keeps to the format, leniently where it does not.

A field of the wrong type is treated as absent, never as an error: servers that imitate another's format get details
wrong that are not needed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from providers.framing.mending import TextMender
from providers.framing.text import read_json, written

T = TypeVar("T", bound=msgspec.Struct)


class Shapeless(ValueError):
    """Not JSON, or JSON that is nothing like the shape."""


def reader(shape: type[T]) -> Callable[[bytes, TextMender], T | None]:
    """A function that reads a document as `shape`: strictly and fast, leniently where the server got a type wrong.

    It returns None for a bare null and raises Shapeless. Where the document's text is none (providers.framing.text),
    the mender is told to look at what comes of it.
    """
    decode = msgspec.json.Decoder(shape).decode

    def read(document: bytes, mender: TextMender) -> T | None:
        try:
            return decode(document)
        except RecursionError as error:
            raise Shapeless("not JSON") from error
        except (msgspec.DecodeError, UnicodeDecodeError):
            return lenient(document, shape, mender)

    return read


def lenient(document: bytes, shape: type[T], mender: TextMender) -> T | None:
    """Read a document whose fields may have wrong types; None for a bare null. Raises Shapeless.

    Slow: for documents that strict decoding refused.
    """
    value = lenient_value(document, mender)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # Gemini's way to wrap an error
    if value is None:
        return None
    fitted = _fit(value, _type_of(shape))
    if not isinstance(fitted, shape):
        raise Shapeless("not an object")
    return fitted


def lenient_value(document: bytes, mender: TextMender) -> Any:
    """The value of a document that may hold text that is none. Raises Shapeless."""
    try:
        return msgspec.json.decode(document)
    except RecursionError as error:
        raise Shapeless("not JSON") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if isinstance(error, msgspec.DecodeError) and b"\\u" not in document:
            raise Shapeless("not JSON") from error
    try:
        value = read_json(document)
    except (ValueError, RecursionError) as error:
        raise Shapeless("not JSON") from error
    mender.is_active = True
    return value


@lru_cache
def _type_of(shape: type) -> inspect.Type:
    return inspect.type_info(shape)


def _fit(value: Any, wanted: inspect.Type) -> Any:
    """`value` as the wanted type, or None when it is nothing of the kind."""
    match wanted:
        case inspect.AnyType():
            return value
        case inspect.UnionType():
            return next((found for kind in wanted.types if (found := _fit(value, kind)) is not None), None)
        case inspect.StructType() if isinstance(value, dict):
            fields = ((field, value.get(field.encode_name)) for field in wanted.fields)
            fitted = {field.name: _fit(given, field.type) for field, given in fields if given is not None}
            return wanted.cls(**{name: found for name, found in fitted.items() if found is not None})
        case inspect.ListType() if isinstance(value, list):
            items = (_fit(item, wanted.item_type) for item in value)
            return [item for item in items if item is not None]
        case inspect.DictType() if isinstance(value, dict):
            return value
        case inspect.RawType():
            return msgspec.Raw(written(value))
    return _fit_scalar(value, wanted)


def _fit_scalar(value: Any, wanted: inspect.Type) -> Any:
    match wanted:
        case inspect.BoolType() if isinstance(value, bool):
            return value
        case inspect.StrType() if isinstance(value, str):
            return value
        case inspect.IntType() if isinstance(value, int) and not isinstance(value, bool):
            return value
        case inspect.IntType() if isinstance(value, float) and value.is_integer():
            return int(value)
        case inspect.FloatType() if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    return None
