"""The fidelity report: what a translation dropped, changed or emulated, as a short list of codes.

The codes appear on usage rows, in the `x-gateway-fidelity` header and in the admin, so they are never renamed; their
meanings are defined here only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec


class Fidelity(StrEnum):
    """One difference between what a Claude server would have received or sent and what this provider did."""

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
    THINKING_RESTATED = "thinking_restated"
    EFFORT_CHANGED = "effort_changed"
    # Tools
    TOOL_CHOICE_DROPPED = "tool_choice_dropped"
    TOOL_CHOICE_WORDED = "tool_choice_told"
    PARALLEL_CONTROL_DROPPED = "parallel_control_dropped"
    TOOL_RENAMED = "tool_renamed"
    TOOL_FIELDS_DROPPED = "tool_fields_dropped"
    TOOL_SCHEMA_SIMPLIFIED = "tool_schema_simplified"
    TOOL_DEFERRED = "tool_deferred"
    TOOL_REFERENCE_AS_TEXT = "tool_reference_as_text"
    TOOL_CHANGE_RESTATED = "tool_change_restated"
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
    SCHEMA_WORDED = "schema_told"
    OUTPUT_DROPPED = "output_dropped"
    USAGE_ESTIMATED = "usage_estimated"
    # Everything else
    PREFILL_RESTATED = "prefill_restated"
    CACHE_CONTROL_MOVED = "cache_control_moved"
    CACHE_CONTROL_DROPPED = "cache_control_dropped"
    BETA_DROPPED = "beta_dropped"
    FIELD_DROPPED = "field_dropped"
    CLIENT_FIELD_DROPPED = "client_field_dropped"
    UNPRICED_DROPPED = "unpriced_dropped"
    TRANSFORMED = "transformed"
    CONTINUED = "answer_continued"
    QUOTA_PROBE = "quota_probe"
    BUDGET_REACHED = "budget_reached"


EXPLANATIONS: dict[Fidelity, str] = {
    Fidelity.BILLING_HEADER_DROPPED: "Claude Code's billing line, the first system block, is sent to Anthropic only.",
    Fidelity.SYSTEM_RESTATED: "A system message inside the conversation was sent as a reminder in a user message: the "
    "provider takes system messages only at the beginning.",
    Fidelity.RESULT_MADE_UP: "A tool call without a result got “(no result)”: the provider would refuse it otherwise.",
    Fidelity.RESULT_ORPHANED: "A tool result without its call was sent as text in a user message.",
    Fidelity.RESULT_ERROR_WORDED: "A tool's failure was put into words: the provider has no field for it.",
    Fidelity.MEDIA_MOVED: "Images or documents in a tool result were sent in the message after it.",
    Fidelity.MEDIA_FETCHED: "An image or document was fetched by the gateway and sent inline: the provider takes no "
    "addresses.",
    Fidelity.DOCUMENT_AS_TEXT: "A document was sent as its text.",
    Fidelity.CITATIONS_DROPPED: "Citations were requested or sent; the provider does not support them.",
    Fidelity.THINKING_DROPPED: "Earlier thinking was left out: another model wrote it, or this model takes none back.",
    Fidelity.THINKING_CONTROL_DROPPED: "The request says how to think; the provider or model has no such setting.",
    Fidelity.THINKING_RESTATED: "How to think was put into the form that the model takes.",
    Fidelity.EFFORT_CHANGED: "The effort was changed to the nearest one that the provider knows.",
    Fidelity.TOOL_CHOICE_DROPPED: "The request says which tool to call; the provider has no such setting.",
    Fidelity.TOOL_CHOICE_WORDED: "Which tool to call was put into words: the provider has no field for it.",
    Fidelity.PARALLEL_CONTROL_DROPPED: "One tool call at a time was requested; the provider has no such setting.",
    Fidelity.TOOL_RENAMED: "A tool was sent under another name: the provider does not take its own.",
    Fidelity.TOOL_FIELDS_DROPPED: "Fields of a tool that only Claude knows were left out (strict, input_examples, …).",
    Fidelity.TOOL_SCHEMA_SIMPLIFIED: "A tool's input schema was reduced to what the provider understands.",
    Fidelity.TOOL_DEFERRED: "A deferred tool was not offered: the conversation has not loaded it yet.",
    Fidelity.TOOL_REFERENCE_AS_TEXT: "The loading of a deferred tool was sent as text.",
    Fidelity.TOOL_CHANGE_RESTATED: "The conversation offers or withdraws a tool on its way: the list of tools is the "
    "one at its end, and a sentence stands at the place of the change.",
    Fidelity.TOOLS_RESTORED: "The conversation has tool calls but the request has no tools: definitions were made from "
    "the calls.",
    Fidelity.SERVER_TOOL_DROPPED: "A tool that Anthropic runs itself (web search, code execution, …) was not offered.",
    Fidelity.SERVER_BLOCK_AS_TEXT: "Earlier output of such a tool was sent as text, or left out.",
    Fidelity.CALL_ID_CHANGED: "A tool call's id was changed to a form that the other side accepts, or because an "
    "earlier call of the conversation has it.",
    Fidelity.ARGUMENTS_REPAIRED: "A tool call's arguments were not valid JSON and were repaired.",
    Fidelity.ANSWERED_HERE: "max_tokens 0 warms Claude's cache; no provider was called.",
    Fidelity.MAX_TOKENS_LOWERED: "max_tokens was lowered to what the model or its context window allows.",
    Fidelity.MAX_TOKENS_RAISED: "max_tokens was raised to the provider's minimum.",
    Fidelity.STOP_SEQUENCES_MATCHED_HERE: "The request has more stop sequences than the provider takes: the gateway "
    "watches for the others.",
    Fidelity.SAMPLING_DROPPED: "A sampling parameter was left out: the model takes none, or not this one.",
    Fidelity.USER_ID_HASHED: "metadata.user_id was sent as a hash.",
    Fidelity.SCHEMA_NOT_STRICT: "The answer's JSON schema does not qualify for the provider's strict mode.",
    Fidelity.SCHEMA_WORDED: "The answer's JSON schema was put into words: the provider has no field for it.",
    Fidelity.PREFILL_RESTATED: "The request begins the answer; a user message asks the model to go on with it, since "
    "it continues no answer itself.",
    Fidelity.CACHE_CONTROL_MOVED: "cache_control of the whole request was put on its last block: the provider takes "
    "it on blocks only.",
    Fidelity.OUTPUT_DROPPED: "A part of the answer that Claude's API has no place for was left out (an image, sound, "
    "code or a search that the provider ran itself).",
    Fidelity.USAGE_ESTIMATED: "The provider reported no token count, a zero beside content, or one that cannot be: the "
    "tokens were counted here.",
    Fidelity.CACHE_CONTROL_DROPPED: "cache_control was left out: the provider caches by its own rules, or not at all.",
    Fidelity.BETA_DROPPED: "A beta feature was requested by header; the provider or model does not take it.",
    Fidelity.FIELD_DROPPED: "A field of Claude's API was left out: the provider has no equivalent.",
    Fidelity.CLIENT_FIELD_DROPPED: "A field that the client added was left out: the provider's list does not have it, "
    "or the gateway sets that field itself.",
    Fidelity.UNPRICED_DROPPED: "A field, beta, tool or file that chooses another model or price or belongs to the "
    "provider's account was left out: the model's prices do not hold for it, or the key may not use it.",
    Fidelity.TRANSFORMED: "A transform of the provider's or model's chain changed the request.",
    Fidelity.CONTINUED: "An earlier attempt broke off in its text, and this attempt was asked to continue it.",
    Fidelity.QUOTA_PROBE: "Claude Code asked at its start for the headers that show its user's budget; no provider was "
    "called.",
    Fidelity.BUDGET_REACHED: "A budget of the caller has no money for more of the answer, or cannot be read: the "
    "answer ends as if it had reached max_tokens.",
}
"""What each code means, in the admin and the documentation."""


class Loss(msgspec.Struct, frozen=True):
    """A code with its meaning, "" for a code that this version does not know, and the fields that it is about."""

    code: str
    meaning: str
    fields: tuple[str, ...] = ()


def losses(codes: Iterable[str], fields: Mapping[str, Sequence[str]]) -> tuple[Loss, ...]:
    """Returns codes with what they mean; `fields` are those of Notes.paths."""
    return tuple(Loss(code, _MEANINGS.get(code, ""), tuple(fields.get(code, ()))) for code in codes)


_MEANINGS: dict[str, str] = {code.value: text for code, text in EXPLANATIONS.items()}

MOST_PATHS = 16
LONGEST_PATH = 64
NO_NAME = "(other)"
"""In place of what a client calls a field in characters that no API uses for one: it could be any text."""
_NAME = re.compile(r"[\w.:@$/\[\]-]+", re.ASCII)


class Notes(msgspec.Struct, eq=False):
    """The codes of one attempt, each once, in the order in which they were noted.

    `paths` names what each code is about, such as `tools.strict`: names of fields, never values. At most MOST_PATHS of
    LONGEST_PATH characters are kept, each once; clients choose some of them, so what is no name is NO_NAME.
    """

    _codes: dict[str, None] = {}
    paths: dict[str, list[str]] = {}

    def add(self, code: Fidelity, *paths: str) -> None:
        """Notes a code, and the fields that it is about; a second time changes nothing."""
        self._codes[code.value] = None
        for path in paths:
            if sum(map(len, self.paths.values())) == MOST_PATHS:
                return
            path = path[:LONGEST_PATH]
            path = path if _NAME.fullmatch(path) else NO_NAME
            if path not in self.paths.get(code.value, ()):
                self.paths.setdefault(code.value, []).append(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __bool__(self) -> bool:
        return bool(self._codes)

    def __repr__(self) -> str:
        return f"Notes({list(self._codes)})"
