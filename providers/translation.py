"""The translation of one attempt, both ways: dialect, platform and stream edits as one.

Every caller of a provider (attempts, the token count, the provider test) uses this and no dialect itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from providers.claude.known_models import support_for
from providers.config import ModelConfig, ProviderConfig
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, CountRequest, Decoder, UpstreamRequest
from providers.errors import UnsupportedRequest, UpstreamError
from providers.events import Event
from providers.fidelity import Fidelity
from providers.offload import off_loop
from providers.outbound.media import media_urls, with_media
from providers.platforms import PLATFORMS
from providers.platforms.contract import R
from providers.transforms.contract import StreamEdit, StreamEditFactory
from providers.transforms.echo import EchoCut
from providers.transforms.stops import StopMatcher


def continues_answers(provider: ProviderConfig, model: ModelConfig) -> bool:
    """Whether a model at this provider goes on with an answer that the request begins."""
    return DIALECTS[provider.dialect].continues(provider, model)


class Translation:
    """The translation of one call to its provider and back. A `heavy` one is written beside the event loop."""

    __slots__ = ("_call", "_dialect", "_edits", "_heavy", "_platform", "_signing")

    def __init__(self, call: Call, edits: Sequence[StreamEditFactory] = (), *, heavy: bool = False) -> None:
        self._heavy = heavy
        provider = call.provider
        if "anthropic-beta" in call.headers:
            call = _without_refused_betas(call)
        self._dialect = DIALECTS[provider.dialect]
        self._platform = PLATFORMS[provider.platform] if provider.platform else None
        # On a platform the secret signs the request; it is none of the dialect's business.
        self._call = call if self._platform is None else msgspec.structs.replace(call, secret=None)
        self._signing = call
        self._edits = [make(call) for make in edits] if edits else []

    async def request(self) -> UpstreamRequest:
        """The authorised request; called once. Raises UnsupportedRequest, or UpstreamError when nothing authorises it.

        Media by web address are fetched for a provider that takes none.
        Before any other edit sees the answer, what it repeats of its beginning in the request is cut, and stop
        sequences that the dialect did not send are watched for.
        """
        if not self._call.texts_only and not self._dialect.takes_urls(self._call.provider):
            await self._fetch_media()
        request = await off_loop(self.draft) if self._heavy else self.draft()
        if request.unsent_stops:
            self._edits.insert(0, StopMatcher(request.unsent_stops))
        if request.echo:
            self._edits.insert(0, EchoCut(request.echo))
        return request if self._platform is None else await self._platform.authorized(self._signing, request)

    def draft(self) -> UpstreamRequest:
        """The request before anything is fetched for it or authorises it. Raises UnsupportedRequest."""
        request = self._dialect.request(self._call)
        return request if self._platform is None else self._moved(request, counting=False)

    async def count_request(self) -> CountRequest | None:
        """The request that counts input tokens, or None where the provider does not count.

        Nothing is fetched to be counted: media that would have to be fetched are not counted by the provider.
        """
        counting = await off_loop(self.count_draft) if self._heavy else self.count_draft()
        if counting is None or self._platform is None:
            return counting
        return await self._platform.authorized(self._signing, counting)

    def decoder(self, content_type: str) -> Decoder:
        """The decoder of a successful answer, with the stream edits behind it."""
        decoder = self._dialect.decoder(content_type, self._call)
        if self._platform is not None:
            decoder = self._platform.decoder(content_type, decoder)
        return EditedDecoder(decoder, self._edits) if self._edits else decoder

    def reported(self, headers: Mapping[str, str]) -> tuple[str, str]:
        """The service tier and the region that the platform knows of an answer, "" for what it does not."""
        return ("", "") if self._platform is None else self._platform.reported(self._call.provider, headers)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """What a response with an error status means."""
        if self._platform is None:
            return self._dialect.error(status, headers, body)
        return self._platform.error(self._dialect, status, headers, body)

    def count_draft(self) -> CountRequest | None:
        """The request that counts, before anything authorises it. Raises UnsupportedRequest."""
        if not self._dialect.takes_urls(self._call.provider) and media_urls(self._call.body):
            return None
        counting = self._dialect.count_request(self._call)
        return counting if counting is None or self._platform is None else self._moved(counting, counting=True)

    async def _fetch_media(self) -> None:
        body = await with_media(self._call.body, self._call.notes, heavy=self._heavy)
        if body is not self._call.body:
            self._heavy = True
            self._call = msgspec.structs.replace(self._call, body=body)
            self._signing = msgspec.structs.replace(self._signing, body=body)

    def _moved(self, request: R, *, counting: bool) -> R:
        """The request at the platform's own address."""
        assert self._platform is not None
        if missing := self._platform.missing():
            raise UnsupportedRequest(missing)
        return self._platform.request(self._signing, request, counting=counting)


class EditedDecoder:
    """A decoder whose events go through a chain of edits, in their order."""

    __slots__ = ("_decoder", "_edits")

    def __init__(self, decoder: Decoder, edits: Sequence[StreamEdit]) -> None:
        self._decoder = decoder
        self._edits = edits

    def feed(self, data: bytes) -> list[Event]:
        """The edited events that `data` completes. Raises providers.framing.sse.EventTooLong."""
        return self._edited(self._decoder.feed(data))

    def close(self) -> list[Event]:
        """The edited events that the end of the body completes."""
        return self._edited(self._decoder.close())

    def _edited(self, events: list[Event]) -> list[Event]:
        for edit in self._edits:
            if not events:
                break
            events = edit.feed(events)
        return events


def _without_refused_betas(call: Call) -> Call:
    """The call without the betas that its model refuses; the provider's own headers stay."""
    header = call.headers.get("anthropic-beta")
    support = support_for(call.model) if header else None
    if not header or support is None or not support.refused_betas:
        return call
    asked = [beta for part in header.split(",") if (beta := part.strip())]
    taken = [beta for beta in asked if not beta.startswith(support.refused_betas)]
    if len(taken) == len(asked):
        return call
    call.notes.add(Fidelity.BETA_DROPPED, *(beta for beta in asked if beta not in taken))
    headers = {name: value for name, value in call.headers.items() if name != "anthropic-beta"}
    if taken:
        headers["anthropic-beta"] = ",".join(taken)
    return msgspec.structs.replace(call, headers=headers)
