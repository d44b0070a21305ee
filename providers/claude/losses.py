"""Notes everything in a Claude request that no other provider can receive; one pass, shared by all dialects.

It changes nothing. What only some dialects lose is noted by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.claude.blocks import TOOL_CHANGES, is_billing, is_tool_change
from providers.claude.history.item import read_once
from providers.claude.tools import check_tool_changes, is_client_tool, loaded_names, shown_name
from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity, Notes
from usage.sentence import Sentence

if TYPE_CHECKING:
    from providers.dialects.contract import Call

# Claude's own, with nothing like them elsewhere: https://platform.claude.com/docs/en/api/messages/create
_FIELDS = frozenset(
    {
        *("container", "context_management", "speed", "inference_geo", "diagnostics", "mcp_servers", "compaction"),
        *("fallbacks", "fallback_credit_token", "billing_policy", "thread", "safeguards", "service_tier"),
    }
)
_TOOL_FIELDS = ("strict", "input_examples", "allowed_callers")
_OWN_BLOCKS = frozenset({"image", "thinking", "tool_use"})
_LOST_BLOCKS = {
    "search_result": Fidelity.DOCUMENT_AS_TEXT,
    "redacted_thinking": Fidelity.THINKING_DROPPED,
    "tool_reference": Fidelity.TOOL_REFERENCE_AS_TEXT,
    **dict.fromkeys(TOOL_CHANGES, Fidelity.TOOL_CHANGE_RESTATED),
}
# A compaction, which may stand for changes too, is one of the blocks without a place of their own.
_MAY_CHANGE_TOOLS = frozenset({Fidelity.TOOL_CHANGE_RESTATED.value, Fidelity.SERVER_BLOCK_AS_TEXT.value})


def note_losses(call: Call, *, sends_cache_control: bool = False) -> None:
    """Notes what is lost whenever another provider than Claude answers. Raises UnsupportedRequest."""
    body, notes = call.body, call.notes
    if betas := call.headers.get("anthropic-beta"):
        notes.add(Fidelity.BETA_DROPPED, *map(str.strip, betas.split(",")))
    if not _FIELDS.isdisjoint(body):
        _note_fields(body, notes)
    marked = "cache_control" in body and bool(body["cache_control"])
    system = body.get("system")
    if type(system) is list:
        for block in _dicts(system):
            marked = marked or bool(block.get("cache_control"))
            if is_billing(block):
                notes.add(Fidelity.BILLING_HEADER_DROPPED)
    if not call.texts_only:
        marked = _note_messages(body.get("messages"), notes) or marked
        if not _MAY_CHANGE_TOOLS.isdisjoint(notes):
            _check_places(body)
            check_tool_changes(body)
        if "tools" in body:
            marked = _note_tools(body, notes) or marked
    if marked and not sends_cache_control:
        notes.add(Fidelity.CACHE_CONTROL_DROPPED)


def _note_fields(body: dict[str, Any], notes: Notes) -> None:
    used = [name for name in body if name in _FIELDS and body[name] and name != "service_tier"]
    if body.get("service_tier") not in (None, "auto"):
        used.append("service_tier")
    if used:
        notes.add(Fidelity.FIELD_DROPPED, *used)


def _check_places(body: dict[str, Any]) -> None:
    for message in _dicts(body.get("messages")):
        if message.get("role") != "system" and any(map(is_tool_change, _dicts(message.get("content")))):
            raise UnsupportedRequest(
                Sentence("Only system messages may add or remove tools.", code="tool_change_outside_system")
            )


def _note_messages(messages: Any, notes: Notes) -> bool:
    marked = False
    for message in messages if type(messages) is list else ():
        if isinstance(message, dict) and type(message.get("content")) is list:
            codes, has_mark = _losses_of(message)
            marked = marked or has_mark
            for code in codes:
                notes.add(code)
    return marked


@read_once
def _losses_of(message: dict[str, Any]) -> tuple[tuple[Fidelity, ...], bool]:
    """What a message's blocks lose, and whether one of them has cache_control."""
    marked = _note_blocks(message["content"], notes := Notes())
    return tuple(map(Fidelity, notes)), marked


def _note_blocks(blocks: list[Any], notes: Notes) -> bool:
    """Notes what blocks of a message lose; returns whether one of them, or one inside it, has cache_control."""
    marked = False
    for block in blocks:
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        if kind == "text":
            if block.get("citations"):
                notes.add(Fidelity.CITATIONS_DROPPED)
        elif kind == "tool_result":
            if isinstance(inner := block.get("content"), list):
                marked = _note_blocks(inner, notes) or marked
        elif kind == "document":
            _note_document(block, notes)
        elif isinstance(kind, str) and kind not in _OWN_BLOCKS:
            notes.add(_LOST_BLOCKS.get(kind, Fidelity.SERVER_BLOCK_AS_TEXT))
        if block.get("cache_control"):
            marked = True
    return marked


def _note_document(block: dict[str, Any], notes: Notes) -> None:
    source = block.get("source")
    if isinstance(source, dict) and source.get("type") in ("text", "content"):
        notes.add(Fidelity.DOCUMENT_AS_TEXT)
    citations = block.get("citations")
    if isinstance(citations, dict) and citations.get("enabled"):
        notes.add(Fidelity.CITATIONS_DROPPED)


def _note_tools(body: dict[str, Any], notes: Notes) -> bool:
    marked = False
    deferred = []
    for tool in _dicts(body.get("tools")):
        if _is_plain(tool):
            continue
        marked = marked or bool(tool.get("cache_control"))
        if not is_client_tool(tool):
            notes.add(Fidelity.SERVER_TOOL_DROPPED, shown_name(tool))
        elif tool.get("defer_loading"):
            deferred.append(tool["name"])
        if lost := [f"tools.{name}" for name in _TOOL_FIELDS if tool.get(name)]:
            notes.add(Fidelity.TOOL_FIELDS_DROPPED, *lost)
    if deferred and not loaded_names(body).issuperset(deferred):
        notes.add(Fidelity.TOOL_DEFERRED)
    return marked


@read_once
def _is_plain(tool: dict[str, Any]) -> bool:
    """Whether nothing of a tool is lost or left out."""
    return is_client_tool(tool) and not any(map(tool.get, ("cache_control", "defer_loading", *_TOOL_FIELDS)))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
