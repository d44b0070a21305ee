"""Claude and Gemini on Google's Vertex AI.

https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from providers.config import ProviderConfig
from providers.dialects.contract import Call, CountRequest, Decoder, Dialect
from providers.errors import ErrorKind, UpstreamError
from providers.errors.response import response_error
from providers.platforms.claude.fit import fit
from providers.platforms.claude.plan import chosen_betas, listed_betas, plan_of
from providers.platforms.contract import CALLED, R, missing_library
from providers.platforms.http import base_path, body_field, host_of, path_segment
from providers.platforms.renewed import NotAuthorized
from providers.platforms.vertex.claude import VERTEX
from providers.platforms.vertex.tokens import renewed_token, service_account
from usage.sentence import Sentence

VERSION = "vertex-2023-10-16"
_REGIONAL = re.compile(r"^([a-z]+-[a-z]+\d+)-aiplatform\.googleapis\.com$")
_MULTIREGIONAL = re.compile(r"^aiplatform\.(us|eu)\.rep\.googleapis\.com$")
_OWN_HOSTS = re.compile(
    r"(?:[a-z]+-[a-z]+\d+-)?aiplatform\.googleapis\.com|aiplatform\.(?:us|eu)\.rep\.googleapis\.com"
)
_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9:.-]*$")]


class VertexOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The project, the location, and the betas that are passed on."""

    project: Annotated[_Name | None, Meta(description="the project's id; left out: the service account's")] = None
    location: Annotated[
        _Name | None, Meta(description="such as europe-west1 or global; left out: the one in the base URL")
    ] = None
    betas: Annotated[
        tuple[str, ...] | None, Meta(description="Claude's betas that are passed on; left out: those that Vertex takes")
    ] = None


def location_of(base_url: str, options: VertexOptions) -> str:
    """Returns the location of the models; "" when neither the options nor the host name it."""
    if options.location:
        return options.location
    name = host_of(base_url)
    if name == "aiplatform.googleapis.com":
        return "global"
    found = _REGIONAL.match(name) or _MULTIREGIONAL.match(name)
    return found[1] if found else ""


class Vertex:
    """POST {base_url}/v1/projects/{project}/locations/{location}/publishers/{anthropic or google}/models/{model}:…"""

    name = "vertex"
    label = "Google Vertex AI"
    dialects = frozenset({"anthropic", "gemini"})
    options: type[msgspec.Struct] = VertexOptions
    bound_options: tuple[str, ...] = ("project", "location")
    own_hosts: re.Pattern[str] | None = _OWN_HOSTS

    def missing(self) -> str:
        """Checks for google-auth, which fetches tokens."""
        return missing_library(self.label, "google.auth", "vertex")

    def problems(self, base_url: str, options: msgspec.Struct) -> dict[str, str]:
        """Requires a location, which is part of every path."""
        if location_of(base_url, cast(VertexOptions, options)):
            return {}
        return {"options": 'The base URL holds no location: enter it here, such as {"location": "europe-west1"}.'}

    def request(self, call: Call, request: R, *, counting: bool) -> R:
        """Moves the request to the project's path; Claude's version goes into the body, Gemini's count is unwrapped."""
        if call.provider.dialect == "anthropic":
            return _for_claude(call, request)
        return _for_gemini(call, request)

    async def authorized(self, call: Call, request: R) -> R:
        """Adds an access token."""
        token = await renewed_token(call.secret, call.provider.is_local).value()
        others = (item for item in request.headers if item[0] != "authorization")
        return msgspec.structs.replace(request, headers=(*others, ("authorization", f"Bearer {token}")))

    def decoder(self, content_type: str, decoder: Decoder) -> Decoder:
        """Returns the dialect's decoder: Vertex adds no framing."""
        return decoder

    def reported(self, provider: ProviderConfig, headers: Mapping[str, str]) -> tuple[str, str]:
        """Returns the location called: global and multi-regional ones do not say where they answered."""
        location = location_of(provider.base_url, cast(VertexOptions, provider.options))
        return "", f"{CALLED}{location}" if location else ""

    def error(self, dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """Reads Claude's error where the model answered, Google's where Vertex did."""
        if dialect.name == "anthropic" and not _is_claude_error(body):
            return response_error(status, headers, body)
        return dialect.error(status, headers, body)


def _for_claude(call: Call, request: R) -> R:
    counting = isinstance(request, CountRequest)
    asked: list[str] = []
    headers = []
    for name, value in request.headers:
        if name == "anthropic-beta":
            asked += listed_betas(value)
        elif name != "anthropic-version":
            headers.append((name, value))
    betas = chosen_betas(VERTEX, asked, call, counting=counting)
    if betas:
        headers.append(("anthropic-beta", ",".join(betas)))
    fields = fit(request.body, plan_of(VERTEX, frozenset(betas)), call)
    without = {"anthropic_version"} if counting else {"anthropic_version", "model"}
    body = {"anthropic_version": VERSION} | {name: value for name, value in fields.items() if name not in without}
    model = "count-tokens:rawPredict" if counting else f"{path_segment(call.model.name)}:streamRawPredict"
    path = f"{_models(call, 'anthropic')}/{model}"
    return msgspec.structs.replace(request, path=path, headers=tuple(headers), body=msgspec.json.encode(body))


def _for_gemini(call: Call, request: R) -> R:
    model = call.model.name.removeprefix("models/")
    path = f"{_models(call, 'google')}/{path_segment(model)}"
    if not isinstance(request, CountRequest):
        return msgspec.structs.replace(request, path=f"{path}:streamGenerateContent?alt=sse")
    prompt = body_field(request.body, "generateContentRequest")
    asked = {name: value for name, value in prompt.items() if name != "model"}
    return msgspec.structs.replace(request, path=f"{path}:countTokens", body=msgspec.json.encode(asked))


def _models(call: Call, publisher: str) -> str:
    """Returns the path of a publisher's models in the provider's project."""
    options = cast(VertexOptions, call.provider.options)
    project = options.project or _project_of(call)
    location = location_of(call.provider.base_url, options)
    version = "" if base_path(call.provider.base_url).endswith(("/v1", "/v1beta1")) else "/v1"
    return (
        f"{version}/projects/{path_segment(project)}/locations/{path_segment(location)}/publishers/{publisher}/models"
    )


def _project_of(call: Call) -> str:
    try:
        project = None if call.secret is None else service_account(call.secret).get("project_id")
    except NotAuthorized as error:
        raise UpstreamError(ErrorKind.AUTHENTICATION, str(error)) from error
    if not isinstance(project, str) or not project:
        raise UpstreamError(
            ErrorKind.AUTHENTICATION,
            Sentence("The provider has no project: enter one in its options.", code="provider_no_project"),
        )
    return project


def _is_claude_error(body: bytes) -> bool:
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("type") == "error"
