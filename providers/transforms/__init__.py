"""Pure edits of a Claude request and of the event stream, registered by name, with typed options, in ordered chains.

A request edit never changes its argument; it returns a request that shares everything else. Options are validated when
a chain is compiled: in the admin on save, and at load.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from providers.config import TransformConfig
from providers.transforms.contract import Chain, Transform
from providers.transforms.registry import REGISTRY as REGISTRY
from providers.transforms.registry import foreign_name_advice

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class TransformError(ValueError):
    """A chain names an unknown transform or has invalid options; the text says which and what to write."""


def parse_chain(value: Any) -> tuple[TransformConfig, ...]:
    """Returns the chain that a JSON value describes. Raises TransformError for a wrong shape, name or option."""
    if not isinstance(value, list):
        raise TransformError('Write a list, such as [{"name": "cleancache"}].')
    try:
        chain = tuple(msgspec.convert(entry, TransformConfig) for entry in value)
    except msgspec.ValidationError as error:
        raise TransformError(f"Each entry is an object with a name and, if needed, options: {error}.") from error
    compile_chain_of(chain)
    return chain


def compile_chain_of(chain: Sequence[TransformConfig], *, verbatim: bool = False) -> Chain:
    """Returns the edits of a chain with their options bound. Raises TransformError.

    Where the provider's blocks pass `verbatim`, transforms that read them are skipped.
    """
    entries = [(entry, options) for entry, options in map(_checked, chain) if not (verbatim and entry.translated_only)]
    return Chain(
        requests=tuple(_bound(entry.request, options) for entry, options in entries if entry.request is not None),
        streams=tuple(
            _bound(entry.stream, options) for entry, options in reversed(entries) if entry.stream is not None
        ),
    )


def compile_chain(value: Any) -> Chain:
    """`parse_chain` and `compile_chain_of` in one."""
    return compile_chain_of(parse_chain(value))


def skipped_names(chain: Sequence[TransformConfig]) -> list[str]:
    """Returns the names of the transforms that are skipped where the provider's blocks pass verbatim."""
    return [config.name for config in chain if REGISTRY[config.name].translated_only]


def _checked(config: TransformConfig) -> tuple[Transform, msgspec.Struct]:
    entry = REGISTRY.get(config.name)
    if entry is None:
        known = f"There is no transform {config.name!r}. There are: {', '.join(sorted(REGISTRY))}."
        raise TransformError(foreign_name_advice(config.name) or known)
    try:
        return entry, msgspec.convert(config.options, entry.options)
    except msgspec.ValidationError as error:
        raise TransformError(f"{config.name}: {error}.") from error


def _bound(edit: Callable[[_Given, Any], _Made], options: msgspec.Struct) -> Callable[[_Given], _Made]:
    return lambda given: edit(given, options)
