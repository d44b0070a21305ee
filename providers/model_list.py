"""How a provider lists its models: what a dialect says about it, and what is read of each entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec


class ListedModel(msgspec.Struct, frozen=True):
    """A model as its provider lists it; limits are tokens, None where the list does not give them.

    `amounts` are what it costs, US dollars by field of Price; empty where the list does not say.
    `capabilities` holds names from `providers.config.CAPABILITIES`; it is empty where the list says nothing of them.
    """

    name: str
    context_window: int | None = None
    max_output: int | None = None
    amounts: dict[str, Decimal] = {}
    capabilities: tuple[str, ...] = ()


class ModelList(msgspec.Struct, frozen=True):
    """How a provider lists its models: a GET of the base URL plus `path`, and JSON with an array of them.

    `headers` makes the credential's headers of the secret. The array is the document itself or its member `field`.
    `read` makes a model of one entry; None for an entry that cannot answer.
    """

    path: str
    headers: Callable[[str], dict[str, str]]
    field: str
    read: Callable[[Mapping[str, Any]], ListedModel | None]


def listed_model(
    name: Any,
    context_window: Any = None,
    max_output: Any = None,
    amounts: dict[str, Decimal] | None = None,
    capabilities: tuple[str, ...] = (),
) -> ListedModel | None:
    """A model with what is usable of its limits; None without a usable name."""
    if not isinstance(name, str) or not 0 < len(name) <= 160:
        return None
    return ListedModel(name, _limit(context_window), _limit(max_output), amounts or {}, capabilities)


def bearer(secret: str) -> dict[str, str]:
    """The usual header of a credential."""
    return {"authorization": f"Bearer {secret}"}


def _limit(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None
