"""Claude and Gemini on Google's Vertex AI.

https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from providers.dialects.contract import Call, CountRequest, Decoder, Dialect, UpstreamRequest
from providers.errors import ErrorKind, UpstreamError
from providers.errors.response import response_error
from providers.fidelity import Fidelity
from providers.platforms import bodies, extras
from providers.platforms.contract import R
from providers.platforms.paths import base_path, segment
from providers.platforms.renewed import NotAuthorized
from providers.platforms.vertex.options import VertexOptions, location_of, service_account
from providers.platforms.vertex.tokens import kept_token

VERSION = "vertex-2023-10-16"


class Vertex:
    """POST {base_url}/v1/projects/{project}/locations/{location}/publishers/{anthropic or google}/models/{model}:…"""

    name = "vertex"
    label = "Google Vertex AI"
    dialects = frozenset({"anthropic", "gemini"})
    options: type[msgspec.Struct] = VertexOptions

    def missing(self) -> str:
        """google-auth makes tokens."""
        return extras.missing(self.label, "google.auth", "vertex")

    def faults(self, base_url: str, options: msgspec.Struct) -> dict[str, str]:
        """Every path holds a location."""
        if location_of(base_url, cast(VertexOptions, options)):
            return {}
        return {"options": 'The base URL tells no location: write it here, such as {"location": "europe-west1"}.'}

    def request(self, call: Call, request: R, *, counting: bool) -> R:
        """The project's own path; Claude's version in the body, Gemini's count without its wrapping."""
        if call.provider.dialect == "anthropic":
            return _for_claude(call, request)
        return _for_gemini(call, request)

    async def authorized(self, call: Call, request: R) -> R:
        """With an access token."""
        token = await kept_token(call.secret, call.provider.is_local).value()
        kept = (item for item in request.headers if item[0] != "authorization")
        return msgspec.structs.replace(request, headers=(*kept, ("authorization", f"Bearer {token}")))

    def decoder(self, content_type: str, decoder: Decoder) -> Decoder:
        """The dialect's own: Vertex frames nothing."""
        return decoder

    def error(self, dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """Claude's own error where the model answered, Google's where Vertex did."""
        if dialect.name == "anthropic" and not _is_claudes(body):
            return response_error(status, headers, body)
        return dialect.error(status, headers, body)


def _for_claude(call: Call, request: R) -> R:
    first = {"anthropic_version": VERSION}
    headers = _headers_for_claude(call, request)
    if isinstance(request, CountRequest):
        path = f"{_models(call, 'anthropic')}/count-tokens:rawPredict"
        return msgspec.structs.replace(
            request, path=path, headers=headers, body=bodies.edited(request.body, first=first)
        )
    path = f"{_models(call, 'anthropic')}/{segment(call.model.name)}:streamRawPredict"
    body = bodies.edited(request.body, without={"model"}, first=first)
    return msgspec.structs.replace(request, path=path, headers=headers, body=body)


def _headers_for_claude(call: Call, request: UpstreamRequest) -> tuple[tuple[str, str], ...]:
    """Without the version, which stands in the body, and with the betas that the provider takes."""
    allowed = cast(VertexOptions, call.provider.options).betas
    headers = []
    for name, value in request.headers:
        if name == "anthropic-beta" and allowed is not None:
            asked = [beta for part in value.split(",") if (beta := part.strip())]
            value = ",".join(beta for beta in asked if beta in allowed)
            if not set(asked) <= set(allowed):
                call.notes.add(Fidelity.BETA_DROPPED)
        if name != "anthropic-version" and value:
            headers.append((name, value))
    return tuple(headers)


def _for_gemini(call: Call, request: R) -> R:
    model = call.model.name.removeprefix("models/")
    path = f"{_models(call, 'google')}/{segment(model)}"
    if not isinstance(request, CountRequest):
        return msgspec.structs.replace(request, path=f"{path}:streamGenerateContent?alt=sse")
    prompt = bodies.field(request.body, "generateContentRequest")
    asked = {name: value for name, value in prompt.items() if name != "model"}
    return msgspec.structs.replace(request, path=f"{path}:countTokens", body=msgspec.json.encode(asked))


def _models(call: Call, publisher: str) -> str:
    """The path of a publisher's models, in the provider's project."""
    options = cast(VertexOptions, call.provider.options)
    project = options.project or _project_of(call)
    location = location_of(call.provider.base_url, options)
    version = "" if base_path(call.provider.base_url).endswith(("/v1", "/v1beta1")) else "/v1"
    return f"{version}/projects/{segment(project)}/locations/{segment(location)}/publishers/{publisher}/models"


def _project_of(call: Call) -> str:
    try:
        project = None if call.secret is None else service_account(call.secret).get("project_id")
    except NotAuthorized as error:
        raise UpstreamError(ErrorKind.AUTHENTICATION, str(error)) from error
    if not isinstance(project, str) or not project:
        raise UpstreamError(ErrorKind.AUTHENTICATION, "The provider has no project: enter one among its options.")
    return project


def _is_claudes(body: bytes) -> bool:
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("type") == "error"
