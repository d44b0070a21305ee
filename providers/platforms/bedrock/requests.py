"""A Claude request as Bedrock takes it: the API version and the betas in the body, model and stream in neither.

What Bedrock's models refuse is left out and noted.
"""

from __future__ import annotations

import base64
import re

import msgspec

from providers.dialects.contract import Call
from providers.errors import ErrorKind, UpstreamError
from providers.fidelity import Fidelity
from providers.platforms import bodies

VERSION = "bedrock-2023-05-31"
Headers = tuple[tuple[str, str], ...]

# One beta of Claude's own server is two of Bedrock's.
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


def without_claudes(call: Call, headers: Headers, allowed: tuple[str, ...]) -> tuple[Headers, list[str]]:
    """The headers less those of Claude's own server, and the betas among them that are passed on."""
    asked: list[str] = []
    kept = []
    for name, value in headers:
        if name == "anthropic-beta":
            asked += (beta for part in value.split(",") if (beta := part.strip()))
        elif name == "accept":
            kept.append((name, "application/vnd.amazon.eventstream, application/json"))
        elif name != "anthropic-version" and not name.startswith("x-claude-code-"):
            kept.append((name, value))
    known = [name for beta in asked for name in _RENAMED.get(beta, (beta,))]
    betas = [beta for beta in dict.fromkeys(known) if beta in allowed]
    if any(beta not in allowed for beta in known):
        call.notes.add(Fidelity.BETA_DROPPED)
    return tuple(kept), betas


def invocation(body: bytes, betas: list[str], call: Call) -> bytes:
    """The body of InvokeModel."""
    unknown = {name for name, beta in _NEEDS_BETA.items() if beta not in betas} | _UNKNOWN_FIELDS
    if unknown & call.body.keys():
        call.notes.add(Fidelity.FIELD_DROPPED)
    first: dict[str, object] = {"anthropic_version": VERSION}
    if betas:
        first["anthropic_beta"] = betas
    return bodies.edited(body, without={"model", "stream", *unknown}, first=first)


def countable(body: bytes) -> str:
    """A body to count, in base64: InvokeModel's needs a max_tokens, and more of it than the model may think."""
    thinking = bodies.field(body, "thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    most = budget + 1 if isinstance(budget, int) else 1
    return base64.b64encode(bodies.edited(body, first={"max_tokens": most})).decode()


def foundation(model: str) -> str:
    """The model that counts: CountTokens knows models, and not the profiles that spread them over regions."""
    return _REGIONAL.sub("", model)


def read_count(answer: bytes) -> bytes:
    """Bedrock's count in Claude's shape."""
    try:
        counted = msgspec.json.decode(answer, type=_Counted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamError(ErrorKind.MALFORMED, "The provider's answer holds no count.") from error
    return msgspec.json.encode({"input_tokens": counted.inputTokens})
