"""What of Claude's own API chooses another model, another price or an object of the provider's account.

A usage row names one model and has its prices, and everybody's files and containers are those of one account. So
these pass only where the model's row says that its prices hold for them, and models only to a key that may use them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from providers.claude.blocks import Block, text_block
from providers.client_fields.tool_choice import fit_choice
from providers.fidelity import Notes

PRICED: Final[dict[str, str]] = {
    "fallbacks": "other models that answer when this one declines: this provider's, at the same prices",
    "speed": "fast mode",
    "service_tier": "priority service",
    "inference_geo": "where the model runs",
    "container": "containers and skills",
    "mcp_servers": "MCP servers that the provider calls",
    "files": "files of the provider's account",
    "advisor": "tools that ask another model: this provider's, at the same prices",
    "billing_policy": "how the request is billed",
    "thread": "conversations that the provider stores",
}
"""What a model's prices may hold for besides its tokens: name -> meaning, as the admin shows it."""

NAMING_MODELS = frozenset({"fallbacks", "advisor"})
"""Those of them that name a model."""

FIELDS: Final[dict[str, str]] = {
    "fallbacks": "fallbacks",
    "fallback_credit_token": "fallbacks",
    "speed": "speed",
    "service_tier": "service_tier",
    "inference_geo": "inference_geo",
    "container": "container",
    "mcp_servers": "mcp_servers",
    "billing_policy": "billing_policy",
    "thread": "thread",
    # They belong to the caller's account, not to the provider's.
    "workspace_id": "",
    "user_profile_id": "",
}
"""Field -> what the row must be priced for; "" is never."""
_HARMLESS: dict[str, tuple[Any, ...]] = {"speed": ("standard",), "service_tier": ("auto", "standard_only")}
"""Values that cost what a request without the field costs, or less."""
BETAS: Final[dict[str, str]] = {
    "server-side-fallback-": "fallbacks",
    "fallback-credit-": "fallbacks",
    "fast-mode-": "speed",
    "skills-": "container",
    "mcp-client-": "mcp_servers",
    "files-api-": "files",
    "advisor-tool-": "advisor",
}
"""The beginning of a beta's name -> what the row must be priced for."""
_OF_A_FALLBACK = frozenset({"model", "thinking", "output_config"})
"""What an entry of `fallbacks` may say: it could set a limit and a speed of its own too."""
_LEFT_OUT = "(A file of the provider's account stood here: it was left out.)"

MayAsk = Callable[[Any], bool]
"""Whether a model may be asked for beside the one that was chosen."""


def is_harmless(name: str, value: Any) -> bool:
    """Returns whether a field asks for nothing but what a request without it gets."""
    return not value or (isinstance(value, str) and value in _HARMLESS.get(name, ()))


def names_allowed_models(value: Any, may_ask: MayAsk) -> bool:
    """Returns whether all of `fallbacks` are models that may be asked; "default" names none."""
    return isinstance(value, list) and all(
        isinstance(entry, dict) and _OF_A_FALLBACK.issuperset(entry) and may_ask(entry.get("model")) for entry in value
    )


@lru_cache(maxsize=256)
def passed_betas(header: str, refused: tuple[str, ...]) -> str:
    """Returns the betas of a header that do not begin with one of `refused`; an equal string where all pass."""
    asked = [beta for part in header.split(",") if (beta := part.strip())]
    passed = [beta for beta in asked if not beta.casefold().startswith(refused)]
    return header if len(passed) == len(asked) else ",".join(passed)


def without_references(body: dict[str, Any], priced: Iterable[str], may_ask: MayAsk, notes: Notes) -> dict[str, Any]:
    """Returns the request without files and tools that it may not refer to; the same object where it may.

    The place of a file says so: an empty message would be refused.
    """
    allowed = frozenset(priced)
    edited = body
    tools = body.get("tools")
    if isinstance(tools, list):
        left = [tool for tool in tools if not isinstance(tool, dict) or _may_offer(tool, allowed, may_ask)]
        if len(left) < len(tools):
            edited = {**body, "tools": left}
            fit_choice(edited, left, notes)
    messages = body.get("messages")
    if isinstance(messages, list):
        changed = [_inside(message, allowed, may_ask) if isinstance(message, dict) else message for message in messages]
        if any(new is not old for new, old in zip(changed, messages, strict=True)):
            edited = {**edited, "messages": changed}
    return edited


def refers(block: Block) -> bool:
    """Returns whether a content block may refer to a file of the account, or offer a tool that names a model."""
    source = block.get("source")
    return "file_id" in block or "tool" in block or (isinstance(source, dict) and "file_id" in source)


def _may_offer(tool: dict[str, Any], priced: frozenset[str], may_ask: MayAsk) -> bool:
    if "mcp_server_name" in tool and "mcp_servers" not in priced:
        return False
    return "model" not in tool or ("advisor" in priced and may_ask(tool["model"]))


def _blocks(content: list[Any], priced: frozenset[str], may_ask: MayAsk) -> list[Any]:
    """The blocks, the same list where nothing is left out."""
    blocks = [_block(block, priced, may_ask) if isinstance(block, dict) else block for block in content]
    return blocks if any(new is not old for new, old in zip(blocks, content, strict=True)) else content


def _block(block: Block, priced: frozenset[str], may_ask: MayAsk) -> Block:
    source = block.get("source")
    if "file_id" in block or (isinstance(source, dict) and "file_id" in source):
        return block if "files" in priced else text_block(_LEFT_OUT)
    tool = block.get("tool")
    definition = tool.get("definition") if isinstance(tool, dict) else None
    if isinstance(definition, dict) and not _may_offer(definition, priced, may_ask):
        return text_block("(A tool that asks another model was left out.)")
    block = _inside(block, priced, may_ask)
    if isinstance(source, dict) and (left := _inside(source, priced, may_ask)) is not source:
        block = {**block, "source": left}
    return block


def _inside(holder: Block, priced: frozenset[str], may_ask: MayAsk) -> Block:
    """A message, block or source with what its content may hold; the same object where that is all of it."""
    content = holder.get("content")
    if not isinstance(content, list):
        return holder
    blocks = _blocks(content, priced, may_ask)
    return holder if blocks is content else {**holder, "content": blocks}
