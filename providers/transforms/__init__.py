"""Pure edits of a Claude request, registered by name, with typed options, run as an ordered chain.

A transform gets a request it may not change and returns one; what it does not touch is shared, not copied. Options are
checked when a chain is compiled: in the admin on save, and at load.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from providers.config import TransformConfig
from providers.transforms import requests

Request = dict[str, Any]
Chain = tuple[Callable[[Request], Request], ...]


class TransformError(ValueError):
    """A chain names an unknown transform or gives one wrong options; the text says which and what to write."""


REGISTRY: dict[str, tuple[type[msgspec.Struct], Callable[[Request, Any], Request]]] = {
    "maxtoken": (requests.MaxToken, requests.maxtoken),
    "sampling": (requests.Sampling, requests.sampling),
    "cleancache": (requests.NoOptions, requests.cleancache),
    "customparams": (requests.CustomParams, requests.customparams),
}
"""Name -> (type of its options, the edit)."""


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
    """The functions of a chain, in order, with their options bound. Raises TransformError."""
    return tuple(_bind(config) for config in chain)


def compile_chain(value: Any) -> Chain:
    """`parse_chain` and `compile_chain_of` in one."""
    return compile_chain_of(parse_chain(value))


def _bind(config: TransformConfig) -> Callable[[Request], Request]:
    entry = REGISTRY.get(config.name)
    if entry is None:
        raise TransformError(f"There is no transform {config.name!r}. There are: {', '.join(sorted(REGISTRY))}.")
    options_type, edit = entry
    try:
        options = msgspec.convert(config.options, options_type)
    except msgspec.ValidationError as error:
        raise TransformError(f"{config.name}: {error}.") from error
    return lambda request: edit(request, options)
