"""Pure edits of a Claude request and of the event stream, registered by name, with typed options, in ordered chains.

A request edit gets a request it may not change and returns one; what it does not touch is shared, not copied. Options
are checked when a chain is compiled: in the admin on save, and at load.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from providers.config import TransformConfig
from providers.transforms import requests
from providers.transforms.contract import Chain, Transform

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class TransformError(ValueError):
    """A chain names an unknown transform or gives one wrong options; the text says which and what to write."""


REGISTRY: dict[str, Transform] = {
    "maxtoken": Transform(requests.MaxToken, "Lower max_tokens to the limit.", request=requests.maxtoken),
    "sampling": Transform(requests.Sampling, "Set temperature, top_p and top_k.", request=requests.sampling),
    "cleancache": Transform(
        requests.NoOptions,
        "Remove every cache_control, for servers that reject the field.",
        request=requests.cleancache,
    ),
    "customparams": Transform(
        requests.CustomParams, "Add fields that the client did not send.", request=requests.customparams
    ),
}
"""By name."""


def parse_chain(value: Any) -> tuple[TransformConfig, ...]:
    """The chain that a JSON value describes. Raises TransformError for a wrong shape, name or option."""
    if not isinstance(value, list):
        raise TransformError('Write a list, such as [{"name": "cleancache"}].')
    try:
        chain = tuple(msgspec.convert(entry, TransformConfig) for entry in value)
    except msgspec.ValidationError as error:
        raise TransformError(f"Each entry is an object with a name and, if needed, options: {error}.") from error
    compile_chain_of(chain)
    return chain


def compile_chain_of(chain: Sequence[TransformConfig]) -> Chain:
    """The edits of a chain, in order, with their options bound. Raises TransformError."""
    entries = [_checked(config) for config in chain]
    return Chain(
        requests=tuple(_bound(entry.request, options) for entry, options in entries if entry.request is not None),
        streams=tuple(_bound(entry.stream, options) for entry, options in entries if entry.stream is not None),
    )


def compile_chain(value: Any) -> Chain:
    """`parse_chain` and `compile_chain_of` in one."""
    return compile_chain_of(parse_chain(value))


def _checked(config: TransformConfig) -> tuple[Transform, msgspec.Struct]:
    entry = REGISTRY.get(config.name)
    if entry is None:
        raise TransformError(f"There is no transform {config.name!r}. There are: {', '.join(sorted(REGISTRY))}.")
    try:
        return entry, msgspec.convert(config.options, entry.options)
    except msgspec.ValidationError as error:
        raise TransformError(f"{config.name}: {error}.") from error


def _bound(edit: Callable[[_Given, Any], _Made], options: msgspec.Struct) -> Callable[[_Given], _Made]:
    return lambda given: edit(given, options)
