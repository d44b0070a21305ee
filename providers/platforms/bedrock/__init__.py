"""Claude on Amazon Bedrock, by InvokeModelWithResponseStream.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, cast

import msgspec
from msgspec import Meta

from providers.config import ProviderConfig
from providers.dialects.contract import Call, CountRequest, Decoder, Dialect
from providers.errors import ErrorKind, UpstreamError
from providers.offload import off_loop
from providers.platforms.bedrock import errors, requests
from providers.platforms.bedrock.claude import BEDROCK
from providers.platforms.bedrock.frames import FramesDecoder
from providers.platforms.bedrock.signing import keys_of, loaded, renewed_keys, signed
from providers.platforms.contract import CALLED, R, missing_library
from providers.platforms.http import host_of, path_segment
from usage.sentence import Sentence

_LONG = 256 * 1024
"""Bytes of a body whose hash is taken beside the event loop."""
_SIGNED = frozenset({"content-type", "accept"})
_HOST = re.compile(r"(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z]{2,4}(?:-[a-z]+)+-\d+)\.")
# https://docs.aws.amazon.com/general/latest/gr/bedrock.html. Other names of Amazon's belong to its customers.
_OWN_HOSTS = re.compile(
    r"(?:vpce-[a-z0-9-]+\.bedrock-runtime(?:-fips)?\.[a-z0-9-]+\.vpce\.amazonaws\.com(?:\.cn)?"
    r"|bedrock-runtime(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|api\.aws))"
)

_Region = Annotated[str, Meta(pattern=r"^[a-z0-9-]+$")]
_Name = Annotated[str, Meta(min_length=1)]
_Arn = Annotated[str, Meta(pattern=r"^arn:\S+$")]


class BedrockOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The region, and the keys that sign when the provider has no credential."""

    region: Annotated[_Region | None, Meta(description="such as eu-central-1; left out: the one in the base URL")] = (
        None
    )
    profile: Annotated[_Name | None, Meta(description="a profile of ~/.aws; left out: this machine's own keys")] = None
    role_arn: Annotated[_Arn | None, Meta(description="a role to assume with those keys")] = None
    betas: Annotated[
        tuple[str, ...], Meta(description="the betas that are passed on; left out: those that Bedrock takes")
    ] = BEDROCK.betas


def region_of(base_url: str, options: BedrockOptions) -> str:
    """Returns the region to sign for; "" when neither the options nor the host name it."""
    if options.region:
        return options.region
    found = _HOST.search(host_of(base_url))
    return found[1] if found else ""


class Bedrock:
    """POST {base_url}/model/{model}/invoke-with-response-stream."""

    name = "bedrock"
    label = "Amazon Bedrock"
    dialects = frozenset({"anthropic"})
    options: type[msgspec.Struct] = BedrockOptions
    bound_options: tuple[str, ...] = ("region", "profile", "role_arn")
    own_hosts: re.Pattern[str] | None = _OWN_HOSTS

    def missing(self) -> str:
        """Checks for botocore, which signs requests and reads frames."""
        return missing_library(self.label, "botocore", "bedrock")

    def problems(self, base_url: str, options: msgspec.Struct) -> dict[str, str]:
        """Requires a region, which signing needs."""
        if region_of(base_url, cast(BedrockOptions, options)):
            return {}
        return {"options": 'The base URL holds no region: enter it here, such as {"region": "eu-central-1"}.'}

    def request(self, call: Call, request: R, *, counting: bool) -> R:
        """Moves the model into the path, the API version and the betas into the body."""
        headers, asked = requests.platform_headers(request.headers)
        body = requests.invocation(request.body, asked, call, counting=counting)
        model = call.model.name
        if isinstance(request, CountRequest):
            path = f"/model/{path_segment(requests.model_to_count(model))}/count-tokens"
            wrapped = msgspec.json.encode({"input": {"invokeModel": {"body": requests.count_body(body)}}})
            return msgspec.structs.replace(request, path=path, headers=headers, body=wrapped, read=requests.read_count)
        path = f"/model/{path_segment(model)}/invoke-with-response-stream"
        return msgspec.structs.replace(request, path=path, headers=headers, body=body)

    async def authorized(self, call: Call, request: R) -> R:
        """Signs the request, or adds a Bedrock API key."""
        options = cast(BedrockOptions, call.provider.options)
        secret = call.secret
        if secret is not None and ":" not in secret.reveal():
            return _with(request, {"authorization": f"Bearer {secret.reveal()}"})
        region = region_of(call.provider.base_url, options)
        if not region:
            raise UpstreamError(
                ErrorKind.AUTHENTICATION,
                Sentence("The provider has no region: enter one in its options.", code="provider_no_region"),
            )
        await loaded()
        if secret is None or options.role_arn is not None:
            keys = await renewed_keys(secret, options.profile, options.role_arn, region).value()
        else:
            keys = keys_of(secret)
        shown = {name: value for name, value in request.headers if name in _SIGNED}
        signing = (call.provider.base_url + request.path, shown, request.body, keys, region)
        made = await off_loop(signed, *signing) if len(request.body) > _LONG else signed(*signing)
        return _with(request, {name: value for name, value in made.items() if name not in _SIGNED})

    def decoder(self, content_type: str, decoder: Decoder) -> Decoder:
        """Reads frames, except where a server in between answers with JSON or a plain event stream."""
        kind = content_type.partition(";")[0].strip().lower()
        return decoder if kind in {"application/json", "text/event-stream"} else FramesDecoder(decoder)

    def reported(self, provider: ProviderConfig, headers: Mapping[str, str]) -> tuple[str, str]:
        """Returns the tier of Amazon's header, and the region called: a profile may answer from another one."""
        region = region_of(provider.base_url, cast(BedrockOptions, provider.options))
        return headers.get("x-amzn-bedrock-service-tier", ""), f"{CALLED}{region}" if region else ""

    def error(self, dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """Reads the error by the name in Amazon's header."""
        return errors.of_response(status, headers, body)


def _with(request: R, headers: Mapping[str, str]) -> R:
    others = (item for item in request.headers if item[0] not in headers)
    return msgspec.structs.replace(request, headers=(*others, *headers.items()))
