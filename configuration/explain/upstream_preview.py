"""Shows the exact upstream request of a candidate with every secret masked. Nothing is sent, fetched or signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from access.keys import KeyRecord
from configuration.explain.result import UpstreamView
from providers.client_fields.rules import Asking
from providers.config import CredentialConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.errors import UnsupportedRequest
from providers.fidelity import EXPLANATIONS, Fidelity, Notes
from providers.outbound.media import inlined, media_urls
from providers.outbound.upstream import OWN_HEADERS
from providers.platforms import PLATFORMS
from providers.translation import Translation
from routing.facts.request_facts import RequestFacts
from routing.snapshot import CandidateConfig

MASK = "••••••••"
SIGNED = "(signed)"
_MEDIA_TYPES: Mapping[str, str] = {"image": "image/png", "document": "application/pdf"}


class NoUpstream(Exception):
    """There is no upstream request; the text gives the reason."""


def preview_upstream(
    candidate: CandidateConfig,
    request: dict[str, Any],
    headers: Mapping[str, str],
    facts: RequestFacts,
    credential: CredentialConfig | None,
    key: KeyRecord | None = None,
) -> UpstreamView:
    """The request that a candidate would be sent. Raises NoUpstream."""
    dialect, notes = DIALECTS[candidate.provider.dialect], Notes()
    call = candidate.call(
        request,
        headers,
        Asking(key, facts.refers, is_preview=True),
        secret=None if credential is None else Secret(MASK),
        session_id=facts.session_id,
        input_estimate=facts.input_estimate,
        notes=notes,
    )
    body = call.body
    limit = body.get("max_tokens")
    if type(limit) is int and limit == 0 and not dialect.warms_cache:
        raise NoUpstream(EXPLANATIONS[Fidelity.ANSWERED_HERE])
    if not dialect.takes_urls(candidate.provider):
        body = _with_media_placeholders(body, notes)
    call = msgspec.structs.replace(call, body=body, provider=_masked(candidate.provider))
    try:
        written = Translation(call).draft()
    except UnsupportedRequest as error:
        raise NoUpstream(error.message) from error
    signed = (("authorization", SIGNED),) if candidate.provider.platform else ()
    return UpstreamView(
        method="POST",
        url=candidate.provider.base_url + written.path,
        headers=(*OWN_HEADERS, *written.headers, *signed, ("x-attempt-id", "(a new one each time)")),
        body=msgspec.json.decode(written.body),
        size=len(written.body),
        fidelity=tuple((code, EXPLANATIONS[Fidelity(code)]) for code in notes),
        stops_matched_here=written.unsent_stops,
    )


def platform_label(provider: ProviderConfig) -> str:
    """The label of a provider's cloud platform; "" for none."""
    platform = PLATFORMS.get(provider.platform)
    return "" if platform is None else platform.label


def _masked(provider: ProviderConfig) -> ProviderConfig:
    headers = tuple((name, MASK if name in provider.secret_headers else value) for name, value in provider.headers)
    return msgspec.structs.replace(provider, headers=headers, credentials=())


def _with_media_placeholders(body: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """The request with a placeholder for every image and document that would be fetched."""
    found = media_urls(body)
    if not found:
        return body
    notes.add(Fidelity.MEDIA_FETCHED)
    return inlined(
        body,
        {
            place.path: {
                "type": "base64",
                "media_type": _MEDIA_TYPES[place.kind],
                "data": f"(fetched when it is sent: {place.url})",
            }
            for place in found
        },
    )
