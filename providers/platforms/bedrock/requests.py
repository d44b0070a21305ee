"""A Claude request as Bedrock takes it: the API version and the betas in the body, model and stream in neither.

Fields that Bedrock refuses are dropped and noted.
"""

from __future__ import annotations

import base64
import re

import msgspec

from providers.dialects.contract import Call
from providers.errors import ErrorKind, UpstreamError
from providers.platforms.bedrock.claude import BEDROCK
from providers.platforms.claude.fit import fit
from providers.platforms.claude.plan import chosen_betas, listed_betas, plan_of
from providers.platforms.http import body_field, edited_body

VERSION = "bedrock-2023-05-31"
Headers = tuple[tuple[str, str], ...]
# What stands in the path or the header here.
_OWN = frozenset({"model", "stream", "anthropic_version", "anthropic_beta"})
_REGIONAL = re.compile(r"^(?:us|us-gov|eu|apac|jp|au|ca|sa|me|af|global)\.(?=anthropic\.)")


class _Counted(msgspec.Struct):
    inputTokens: int


def platform_headers(headers: Headers) -> tuple[Headers, list[str]]:
    """Returns the headers without those of Anthropic's own API, and the betas that were asked for."""
    asked: list[str] = []
    others = []
    for name, value in headers:
        if name == "anthropic-beta":
            asked += listed_betas(value)
        elif name == "accept":
            others.append((name, "application/vnd.amazon.eventstream, application/json"))
        elif name != "anthropic-version" and not name.startswith("x-claude-code-"):
            others.append((name, value))
    return tuple(others), asked


def invocation(body: bytes, asked: list[str], call: Call, *, counting: bool) -> bytes:
    """Returns the body of InvokeModel."""
    betas = chosen_betas(BEDROCK, asked, call, counting=counting)
    fields = fit(body, plan_of(BEDROCK, frozenset(betas)), call)
    first: dict[str, object] = {"anthropic_version": VERSION}
    if betas:
        first["anthropic_beta"] = betas
    return msgspec.json.encode(first | {name: value for name, value in fields.items() if name not in _OWN})


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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(ErrorKind.MALFORMED, "The provider's answer has no token count.") from error
    return msgspec.json.encode({"input_tokens": counted.inputTokens})
