"""A Claude request as Bedrock takes it: the API version and the betas in the body, model and stream in neither.

Fields that Bedrock refuses are dropped and noted.
"""

from __future__ import annotations

import base64
import re

import msgspec

from providers.dialects.contract import Call
from providers.errors import ErrorKind, UpstreamError
from providers.fidelity import Fidelity
from providers.platforms.http import body_field, edited_body

VERSION = "bedrock-2023-05-31"
Headers = tuple[tuple[str, str], ...]

# One beta of Anthropic's own API is two on Bedrock.
_RENAMED = {"advanced-tool-use-2025-11-20": ("tool-search-tool-2025-10-19", "tool-examples-2025-10-29")}
_UNKNOWN_FIELDS = frozenset(
    {
        "billing_policy",
        "container",
        "diagnostics",
        "fallback_credit_token",
        "fallbacks",
        "inference_geo",
        "mcp_servers",
        "safeguards",
        "service_tier",
        "speed",
        "thread",
    }
)
_NEEDS_BETA = {"context_management": "context-management-2025-06-27"}
_REGIONAL = re.compile(r"^(?:us|us-gov|eu|apac|jp|au|ca|sa|me|af|global)\.(?=anthropic\.)")


class _Counted(msgspec.Struct):
    inputTokens: int


def platform_headers(call: Call, headers: Headers, allowed: tuple[str, ...]) -> tuple[Headers, list[str]]:
    """Returns the headers without those of Anthropic's own API, and the betas that are passed on."""
    asked: list[str] = []
    others = []
    for name, value in headers:
        if name == "anthropic-beta":
            asked += (beta for part in value.split(",") if (beta := part.strip()))
        elif name == "accept":
            others.append((name, "application/vnd.amazon.eventstream, application/json"))
        elif name != "anthropic-version" and not name.startswith("x-claude-code-"):
            others.append((name, value))
    known = [name for beta in asked for name in _RENAMED.get(beta, (beta,))]
    betas = [beta for beta in dict.fromkeys(known) if beta in allowed]
    if any(beta not in allowed for beta in known):
        call.notes.add(Fidelity.BETA_DROPPED)
    return tuple(others), betas


def invocation(body: bytes, betas: list[str], call: Call) -> bytes:
    """Returns the body of InvokeModel."""
    unknown = {name for name, beta in _NEEDS_BETA.items() if beta not in betas} | _UNKNOWN_FIELDS
    if unknown & call.body.keys():
        call.notes.add(Fidelity.FIELD_DROPPED)
    first: dict[str, object] = {"anthropic_version": VERSION}
    if betas:
        first["anthropic_beta"] = betas
    return edited_body(body, without={"model", "stream", *unknown}, first=first)


def count_body(body: bytes) -> str:
    """Returns a body to count, in base64: InvokeModel requires a max_tokens above the thinking budget."""
    thinking = body_field(body, "thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    most = budget + 1 if isinstance(budget, int) else 1
    return base64.b64encode(edited_body(body, first={"max_tokens": most})).decode()


def model_to_count(model: str) -> str:
    """Returns the model that counts: CountTokens knows models, but not the inference profiles of regions."""
    return _REGIONAL.sub("", model)


def read_count(answer: bytes) -> bytes:
    """Returns Bedrock's count in Claude's shape."""
    try:
        counted = msgspec.json.decode(answer, type=_Counted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamError(ErrorKind.MALFORMED, "The provider's answer has no token count.") from error
    return msgspec.json.encode({"input_tokens": counted.inputTokens})
