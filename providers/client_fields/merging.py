"""Adds a client's fields to those that the gateway sends, which win: by name, and inside objects too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.client_fields.names import plain
from providers.fidelity import Fidelity, Notes


def add_client_fields(sent: dict[str, Any], added: Mapping[str, Any], notes: Notes, place: str = "") -> None:
    """Adds to `sent` what it does not have under any spelling; an object that both have is merged."""
    if not added:
        return
    spelled = {plain(name): name for name in sent}
    for name, value in added.items():
        own = spelled.get(plain(name))
        if own is None:
            sent[name] = value
        elif isinstance(sent[own], dict) and isinstance(value, dict):
            merged = dict(sent[own])
            add_client_fields(merged, value, notes, f"{place}{name}.")
            sent[own] = merged
        elif sent[own] != value:
            notes.add(Fidelity.CLIENT_FIELD_DROPPED, f"{place}{name}")
