"""The fidelity report: what a translation dropped, changed or emulated, as a short list of codes.

The codes stand on usage rows, in the `x-gateway-fidelity` header and in the admin, so they are never renamed; what each
means is said here once.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum


class Fidelity(StrEnum):
    """One way in which the provider was told, or said, something else than a Claude server would have been."""

    # System prompt and system messages
    BILLING_HEADER_DROPPED = "billing_header_dropped"
    SYSTEM_RESTATED = "system_restated"
    # Tool results
    RESULT_MADE_UP = "result_made_up"
    RESULT_ORPHANED = "result_orphaned"
    RESULT_ERROR_WORDED = "result_error_worded"
    # Images and documents
    MEDIA_MOVED = "media_moved"
    MEDIA_FETCHED = "media_fetched"
    DOCUMENT_AS_TEXT = "document_as_text"
    CITATIONS_DROPPED = "citations_dropped"
    # Thinking
    THINKING_DROPPED = "thinking_dropped"
    THINKING_CONTROL_DROPPED = "thinking_control_dropped"
    EFFORT_CHANGED = "effort_changed"
    # Tools
    TOOL_CHOICE_DROPPED = "tool_choice_dropped"
    TOOL_CHOICE_TOLD = "tool_choice_told"
    PARALLEL_CONTROL_DROPPED = "parallel_control_dropped"
    TOOL_RENAMED = "tool_renamed"
    TOOL_FIELDS_DROPPED = "tool_fields_dropped"
    TOOL_SCHEMA_SIMPLIFIED = "tool_schema_simplified"
    TOOL_DEFERRED = "tool_deferred"
    TOOL_REFERENCE_AS_TEXT = "tool_reference_as_text"
    TOOLS_RESTORED = "tools_restored"
    SERVER_TOOL_DROPPED = "server_tool_dropped"
    SERVER_BLOCK_AS_TEXT = "server_block_as_text"
    CALL_ID_CHANGED = "call_id_changed"
    ARGUMENTS_REPAIRED = "arguments_repaired"
    # Limits and sampling
    ANSWERED_HERE = "answered_here"
    MAX_TOKENS_LOWERED = "max_tokens_lowered"
    MAX_TOKENS_RAISED = "max_tokens_raised"
    STOP_SEQUENCES_MATCHED_HERE = "stop_sequences_matched_here"
    SAMPLING_DROPPED = "sampling_dropped"
    USER_ID_HASHED = "user_id_hashed"
    # Output format
    SCHEMA_NOT_STRICT = "schema_not_strict"
    SCHEMA_TOLD = "schema_told"
    # Everything else
    CACHE_CONTROL_DROPPED = "cache_control_dropped"
    BETA_DROPPED = "beta_dropped"
    FIELD_DROPPED = "field_dropped"
    TRANSFORMED = "transformed"
    CONTINUED = "answer_continued"


EXPLANATIONS: dict[Fidelity, str] = {
    Fidelity.BILLING_HEADER_DROPPED: "Claude Code's billing line, the first system block, is for Anthropic alone.",
    Fidelity.SYSTEM_RESTATED: "A system message in the middle was told as a reminder of the user's: the provider takes "
    "system messages only at the beginning.",
    Fidelity.RESULT_MADE_UP: "A tool call without a result got “(no result)”: providers refuse it otherwise.",
    Fidelity.RESULT_ORPHANED: "A tool result without its call was told as text of the user's.",
    Fidelity.RESULT_ERROR_WORDED: "That a tool failed was told in words: the provider has no field for it.",
    Fidelity.MEDIA_MOVED: "Images or documents in a tool result were told in the message after it.",
    Fidelity.MEDIA_FETCHED: "An image or document was fetched here and sent inline: the provider takes no addresses.",
    Fidelity.DOCUMENT_AS_TEXT: "A document was told as its text.",
    Fidelity.CITATIONS_DROPPED: "Citations were asked for or sent along; the provider has none.",
    Fidelity.THINKING_DROPPED: "Earlier thinking was left out: another model wrote it, or this one takes none back.",
    Fidelity.THINKING_CONTROL_DROPPED: "How to think was asked for; the provider or model cannot be told.",
    Fidelity.EFFORT_CHANGED: "The effort was changed to the nearest that the provider knows.",
    Fidelity.TOOL_CHOICE_DROPPED: "Which tool to call was asked for; the provider cannot be told.",
    Fidelity.TOOL_CHOICE_TOLD: "Which tool to call was told in words: the provider has no field for it.",
    Fidelity.PARALLEL_CONTROL_DROPPED: "One tool call at a time was asked for; the provider cannot be told.",
    Fidelity.TOOL_RENAMED: "A tool with a name that the provider does not take goes under another one.",
    Fidelity.TOOL_FIELDS_DROPPED: "Fields of a tool that only Claude knows were left out (strict, input_examples, …).",
    Fidelity.TOOL_SCHEMA_SIMPLIFIED: "A tool's input schema was reduced to what the provider understands.",
    Fidelity.TOOL_DEFERRED: "A deferred tool was not offered: the conversation has not loaded it yet.",
    Fidelity.TOOL_REFERENCE_AS_TEXT: "The loading of a deferred tool was told as text.",
    Fidelity.TOOLS_RESTORED: "The history has tool calls, the request no tools: definitions were made of the calls.",
    Fidelity.SERVER_TOOL_DROPPED: "A tool that Anthropic runs itself (web search, code execution, …) was not offered.",
    Fidelity.SERVER_BLOCK_AS_TEXT: "What such a tool said earlier was told as text, or left out.",
    Fidelity.CALL_ID_CHANGED: "A tool call's id was changed to a shape that the other side takes.",
    Fidelity.ARGUMENTS_REPAIRED: "A tool call's arguments were no valid JSON and were repaired.",
    Fidelity.ANSWERED_HERE: "max_tokens 0 warms Claude's cache; no provider was called.",
    Fidelity.MAX_TOKENS_LOWERED: "max_tokens was lowered to what the model or its context window allows.",
    Fidelity.MAX_TOKENS_RAISED: "max_tokens was raised to the least that the provider takes.",
    Fidelity.STOP_SEQUENCES_MATCHED_HERE: "More stop sequences than the provider takes: the rest is watched for here.",
    Fidelity.SAMPLING_DROPPED: "A sampling parameter was left out: the model takes none, or not this one.",
    Fidelity.USER_ID_HASHED: "metadata.user_id was sent as a hash.",
    Fidelity.SCHEMA_NOT_STRICT: "The answer's JSON schema does not qualify for the provider's strict mode.",
    Fidelity.SCHEMA_TOLD: "The answer's JSON schema was told in words: the provider takes none.",
    Fidelity.CACHE_CONTROL_DROPPED: "cache_control was left out: the provider caches on its own, or not at all.",
    Fidelity.BETA_DROPPED: "A beta feature was asked for by header; the provider is no Claude server.",
    Fidelity.FIELD_DROPPED: "A field of Claude's that the provider has nothing like was left out.",
    Fidelity.TRANSFORMED: "A transform of the provider's or model's chain changed the request.",
    Fidelity.CONTINUED: "The answer before broke off in its text, and this attempt was asked to go on with it.",
}
"""What each code means, as the admin and the documentation say it."""


class Notes:
    """The codes of one attempt, each once, in the order in which they were noted."""

    __slots__ = ("_codes",)

    def __init__(self) -> None:
        self._codes: dict[str, None] = {}

    def add(self, code: Fidelity) -> None:
        """Note a code; a second time changes nothing."""
        self._codes[code.value] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __bool__(self) -> bool:
        return bool(self._codes)

    def __repr__(self) -> str:
        return f"Notes({list(self._codes)})"
