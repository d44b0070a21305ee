"""Filters a client's fields for one candidate: compiled with the configuration, applied before the transforms.

Most requests hold names of Claude's API alone; to see that is one look-up in a set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from access.keys import KeyRecord
from providers.claude.fields import KNOWN
from providers.client_fields import lately
from providers.client_fields.names import DEFAULT, DEFAULT_INSIDE, PLACES, Places, is_reserved
from providers.client_fields.protocol import (
    BETAS,
    FIELDS,
    is_harmless,
    names_allowed_models,
    passed_betas,
    without_references,
)
from providers.config import ModelConfig, ProviderConfig
from providers.fidelity import Fidelity, Notes

Body = dict[str, Any]
_NOTHING: Final[Mapping[str, Any]] = {}
_FOLDED = frozenset(name.casefold() for name in KNOWN)
_BETAS_IN_BODY = frozenset({"betas", "anthropic_beta"})
"""Clouds and servers in front of them read betas there, beside the header that is filtered."""
_DROPPED: Final = object()


class Asking(msgspec.Struct, frozen=True, gc=False):
    """Who asks, None for the gateway itself, and whether the content refers to files or offers tools with a model."""

    key: KeyRecord | None = None
    refers: bool = False
    is_preview: bool = False


class ClientFields(msgspec.Struct, frozen=True):
    """What one candidate takes of a client's request.

    `own` are the names that pass as they are, `added` further ones, `inside` objects of which only some fields pass,
    `places` where the dialect has a field of the default list. `verbatim`: a Claude server, whose fields stay in the
    body; else further fields are set aside for the dialect to add. `is_open`: the server refuses what it does not know,
    so unknown names pass. `priced` is what the model's prices hold for, `peers` are models with the same prices.
    """

    provider: int = 0
    provider_name: str = ""
    own: frozenset[str] = KNOWN
    added: frozenset[str] = frozenset()
    inside: dict[str, frozenset[str]] = {}
    places: Places = {}
    verbatim: bool = False
    is_open: bool = False
    priced: frozenset[str] = frozenset()
    peers: frozenset[str] = frozenset()
    refused_betas: tuple[str, ...] = ()

    def filtered(
        self, body: Body, headers: Mapping[str, str], notes: Notes, asking: Asking
    ) -> tuple[Body, Mapping[str, str], Mapping[str, Any]]:
        """Returns the request, its headers, and the client's further fields; the same objects where nothing is dropped.

        `body` is not changed. What is dropped is noted.
        """
        if not self.verbatim:
            return (
                (body, headers, _NOTHING)
                if self.own.issuperset(body)
                else self._translated(body, headers, notes, asking)
            )
        if not self.own.issuperset(body):
            body = self._fields_of_claude(body, notes, asking)
        if asking.refers:
            body = self._references(body, notes, asking)
        betas = headers.get("anthropic-beta")
        if betas and self.refused_betas:
            passed = passed_betas(betas, self.refused_betas)
            if passed != betas:
                notes.add(Fidelity.UNPRICED_DROPPED, "anthropic-beta")
                headers = {name: value for name, value in headers.items() if name != "anthropic-beta"}
                if passed:
                    headers["anthropic-beta"] = passed
        return body, headers, _NOTHING

    def _translated(
        self, body: Body, headers: Mapping[str, str], notes: Notes, asking: Asking
    ) -> tuple[Body, Mapping[str, str], Mapping[str, Any]]:
        own: Body = {}
        added: dict[str, Any] = {}
        dropped: list[str] = []
        for name, value in body.items():
            if name in self.own:
                own[name] = value
                continue
            taken = self._taken(name, value, dropped)
            if taken is _DROPPED:
                continue
            place = self.places.get(name)
            if place is not None:
                name, taken = place[0], {place[1]: taken}
            before = added.get(name)
            added[name] = {**before, **taken} if isinstance(before, dict) and isinstance(taken, dict) else taken
        self._note(dropped, notes, asking)
        return own, headers, added

    def _fields_of_claude(self, body: Body, notes: Notes, asking: Asking) -> Body:
        fitting: Body = {}
        dropped: list[str] = []
        for name, value in body.items():
            if name in self.own:
                fitting[name] = value
            elif name in FIELDS:
                if is_harmless(name, value) or self._is_priced(name, value, asking):
                    fitting[name] = value
                else:
                    notes.add(Fidelity.UNPRICED_DROPPED, name)
            elif self.is_open:
                # What it does not know it refuses; but a server in between may read a known name in any capitals.
                if name.casefold() in _FOLDED:
                    notes.add(Fidelity.CLIENT_FIELD_DROPPED, name)
                else:
                    fitting[name] = value
            elif (taken := self._taken(name, value, dropped)) is not _DROPPED:
                fitting[name] = taken
        self._note(dropped, notes, asking)
        return fitting

    def _taken(self, name: str, value: Any, dropped: list[str]) -> Any:
        """What of a field passes; the names of the rest go into `dropped`."""
        if name in self.added:
            if not isinstance(value, dict):
                return value
            left = {inner: part for inner, part in value.items() if not is_reserved(inner)}
        elif name in self.inside and isinstance(value, dict):
            names = self.inside[name]
            left = {inner: part for inner, part in value.items() if inner in names}
        else:
            dropped.append(name)
            return _DROPPED
        if len(left) < len(value):
            dropped += [f"{name}.{inner}" for inner in value if inner not in left]
        return left or _DROPPED

    def _note(self, dropped: list[str], notes: Notes, asking: Asking) -> None:
        if dropped:
            notes.add(Fidelity.CLIENT_FIELD_DROPPED, *dropped)
            if not asking.is_preview:
                lately.note(self.provider, dropped)

    def _references(self, body: Body, notes: Notes, asking: Asking) -> Body:
        edited = without_references(body, self.priced, lambda model: self._may_ask(model, asking), notes)
        if edited is not body:
            notes.add(Fidelity.UNPRICED_DROPPED, *(name for name in edited if edited[name] is not body.get(name)))
        return edited

    def _is_priced(self, name: str, value: Any, asking: Asking) -> bool:
        if FIELDS[name] not in self.priced:
            return False
        return name != "fallbacks" or names_allowed_models(value, lambda model: self._may_ask(model, asking))

    def _may_ask(self, model: Any, asking: Asking) -> bool:
        if not isinstance(model, str) or model not in self.peers:
            return False
        return asking.key is None or asking.key.may_use(f"{self.provider_name}:{model}")


def compiled(
    provider: ProviderConfig, model: ModelConfig, peers: frozenset[str] = frozenset(), *, verbatim: bool
) -> ClientFields:
    """Returns what a model at a provider takes. `peers` are the provider's models with the same prices."""
    listed = frozenset(name for name in provider.client_fields if "." not in name)
    places = PLACES.get(provider.dialect, {})
    added = listed
    inside: dict[str, frozenset[str]] = {}
    if provider.dialect == "gemini":
        added = listed | places.keys()
    elif not (verbatim and provider.platform):
        # Clouds refuse a request for a field that they do not know.
        added = listed | DEFAULT - DEFAULT_INSIDE.keys()
        inside |= DEFAULT_INSIDE
    dotted = [name.partition(".")[::2] for name in provider.client_fields if "." in name]
    for outer, inner in (*places.values(), *dotted):
        inside[outer] = inside.get(outer, frozenset()) | {inner}
    priced = model.priced_for
    # What is priced is looked at once more only where it names models.
    unpriced = {name for name, needed in FIELDS.items() if needed not in priced or name == "fallbacks"}
    is_open = verbatim and not provider.platform and _is_anthropics(provider.base_url)
    if not is_open:
        unpriced |= _BETAS_IN_BODY
    return ClientFields(
        provider=provider.id,
        provider_name=provider.name,
        own=KNOWN - unpriced if verbatim else KNOWN,
        added=added,
        inside=inside,
        places=places,
        verbatim=verbatim,
        is_open=is_open,
        priced=priced,
        peers=peers,
        refused_betas=tuple(start for start, needed in BETAS.items() if needed not in priced) if verbatim else (),
    )


def _is_anthropics(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return host == "anthropic.com" or host.endswith(".anthropic.com")
