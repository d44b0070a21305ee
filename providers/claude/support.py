"""What one Claude model takes in a request, as data: the model's row holds it, and known models are filled in by name.

A server that takes everything is `ClaudeSupport()`; each field says where a model takes less.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

ThinkingKind = Literal["adaptive", "enabled", "disabled", "between_tools"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]


class ClaudeSupport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a model takes; a field that is left out limits nothing."""

    thinking: Annotated[
        tuple[ThinkingKind, ...] | None, Meta(description="the values of thinking.type that it takes; [] is none")
    ] = None
    efforts: Annotated[
        tuple[Effort, ...] | None, Meta(description="the values of output_config.effort, from the least; [] is none")
    ] = None
    efforts_without_thinking: Annotated[
        tuple[Effort, ...] | None, Meta(description="those that it takes while thinking is switched off")
    ] = None
    sampling: Annotated[
        Literal["any", "one", "none"],
        Meta(description="temperature, top_p and top_k: any, not temperature and top_p together (one), or none"),
    ] = "any"
    prefill: Annotated[bool, Meta(description="continues an answer that the request begins")] = True
    forced_tools: Annotated[bool, Meta(description="tool_choice may require a call")] = True
    system_messages: Annotated[bool, Meta(description="system messages may stand inside the conversation")] = True
    max_output: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="the most tokens in one answer")] = None
    refused_betas: Annotated[
        tuple[str, ...], Meta(description="betas that it refuses, each as a name or the beginning of one")
    ] = ()


def support_of(value: Any) -> ClaudeSupport:
    """What a row's JSON says. Raises msgspec.ValidationError."""
    return msgspec.convert(value, ClaudeSupport)


def support_descriptions() -> list[tuple[str, str]]:
    """The fields with their descriptions, for the admin."""
    components = msgspec.json.schema_components([ClaudeSupport])[1]
    fields = components[ClaudeSupport.__name__]["properties"]
    return [(name, schema.get("description", "")) for name, schema in fields.items()]
