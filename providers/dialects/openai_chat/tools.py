"""Tools and tool choice, and the names and ids that are spelled differently on the other side.

A client sees only letters, digits, "_" and "-" in the id of a call, a server gets its own id back: Kimi's ids are
`functions.Bash:0`, and the model minds them; La Plateforme wants nine letters and digits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any

import msgspec

from providers.claude.blocks import blocks_of
from providers.claude.call_ids import own_id
from providers.claude.tools import Tool, offered_tools, upstream_name
from providers.dialects.contract import Call
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.families import family_of
from providers.fidelity import Fidelity, Notes
from providers.schemas import fitted_schemas

_GOOD_ID = re.compile(r"[a-zA-Z0-9_-]{1,256}")
_SHORT_ID = re.compile(r"[a-zA-Z0-9]{9}")
_SPELLED = "px1_"
_ID_LIMIT = 40
"""OpenAI refuses longer ids, and another provider may have made this one."""


_FORCED = frozenset({"required", "named"})


class Offer(msgspec.Struct):
    """`tools` and what belongs to them, no fields without a tool to offer; `instruction` is a choice in words."""

    fields: dict[str, Any]
    instruction: str | None = None


_NOTHING = Offer({})


def tool_offer(call: Call, profile: Profile) -> Offer:
    """The tools and the choice among them, in words where the server has no field for it."""
    if call.texts_only:
        return _NOTHING
    tools = offered_tools(call.body)
    asked = call.body.get("tool_choice")
    choice = asked if isinstance(asked, dict) else {}
    restored = not tools and profile.history_needs_tools
    if restored:
        tools = _of_history(call.body, call.notes)
        choice = {"type": "none"}
    if not tools:
        return _NOTHING
    if choice.get("type") == "none" and "none" not in profile.tool_choices and not restored:
        call.notes.add(Fidelity.TOOL_CHOICE_DROPPED)
        return _NOTHING
    offer = Offer({"tools": _functions(tools, profile, call.notes)})
    known = profile.tool_choices if family_of(call.model).forced_tools else profile.tool_choices - _FORCED
    _choose(offer, choice, tools, (profile, known), call.notes)
    if choice.get("disable_parallel_tool_use") is True:
        if profile.parallel_control and family_of(call.model).parallel_control:
            offer.fields["parallel_tool_calls"] = False
        else:
            call.notes.add(Fidelity.PARALLEL_CONTROL_DROPPED)
    offer.fields |= dict(profile.extra_with_tools)
    return offer


def client_call_id(upstream_id: str) -> str | None:
    """The id as a client may see it; None for one that cannot be spelled out."""
    if _GOOD_ID.fullmatch(upstream_id):
        return upstream_id
    spelled = base64.urlsafe_b64encode(upstream_id.encode("utf-8", "replace")).decode().rstrip("=")
    return f"{_SPELLED}{spelled}" if 0 < len(spelled) <= 128 else None


def upstream_call_id(call_id: str, profile: Profile, origin: str, notes: Notes) -> str:
    """The id on the other side; the same for the same id, always. `origin` is the model that is called."""
    own = call_id
    if call_id.startswith("px"):  # as everything that is spelled or marked here
        own = _own_spelling(call_id if profile.unique_call_ids else own_id(call_id, origin))
    if profile.short_call_ids:
        # La Plateforme's older models: "must be a-z, A-Z, 0-9, with a length of 9".
        if _SHORT_ID.fullmatch(own):
            return own
        notes.add(Fidelity.CALL_ID_CHANGED)
        return hashlib.sha256(own.encode()).hexdigest()[:9]
    if len(own) <= _ID_LIMIT:
        return own
    notes.add(Fidelity.CALL_ID_CHANGED)
    return f"call_{hashlib.sha256(own.encode()).hexdigest()[:32]}"


def _functions(tools: list[Tool], profile: Profile, notes: Notes) -> list[dict[str, Any]]:
    fitting = fitted_schemas([tool.schema for tool in tools], profile.schema_rules)
    if fitting.changed:
        notes.add(Fidelity.TOOL_SCHEMA_SIMPLIFIED, *(f"tools.{tools[at].name}" for at in fitting.changed))
    return [_function(tool, schema, profile, notes) for tool, schema in zip(tools, fitting.each, strict=True)]


def _function(tool: Tool, schema: msgspec.Raw, profile: Profile, notes: Notes) -> dict[str, Any]:
    function: dict[str, Any] = {"name": upstream_name(tool.name, profile.tool_name_limit)}
    if function["name"] != tool.name:
        notes.add(Fidelity.TOOL_RENAMED)
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = schema
    return {"type": "function", "function": function}


def _choose(
    offer: Offer, choice: dict[str, Any], tools: list[Tool], taken: tuple[Profile, frozenset[str]], notes: Notes
) -> None:
    """Adds which tool to call, in a field or else in words; `taken` says which choices the server and model take."""
    profile, known = taken
    name = choice.get("name")
    match choice.get("type"):
        case "auto":
            offer.fields["tool_choice"] = "auto"
        case "none":
            offer.fields["tool_choice"] = "none"
        case "any" if "required" in known:
            offer.fields["tool_choice"] = "required"
        case "any":
            notes.add(Fidelity.TOOL_CHOICE_WORDED)
            offer.instruction = "Answer with a call of one of your tools."
        case "tool" if any(tool.name == name for tool in tools):
            upstream = upstream_name(str(name), profile.tool_name_limit)
            if "named" in known:
                offer.fields["tool_choice"] = {"type": "function", "function": {"name": upstream}}
                return
            if "required" in known:
                offer.fields["tool_choice"] = "required"
            notes.add(Fidelity.TOOL_CHOICE_WORDED)
            offer.instruction = f"Answer with a call of the tool {upstream}."
        case "tool":
            notes.add(Fidelity.TOOL_CHOICE_DROPPED)


def _of_history(body: dict[str, Any], notes: Notes) -> list[Tool]:
    """Definitions for the calls in the history: some servers refuse calls of tools that they are not told of."""
    messages = body.get("messages")
    names: dict[str, None] = {}
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") == "assistant":
            for block in blocks_of(message.get("content")):
                name = block.get("name") if block.get("type") == "tool_use" else None
                if isinstance(name, str) and name:
                    names[name] = None
    if names:
        notes.add(Fidelity.TOOLS_RESTORED)
    return [Tool(name, None, {"type": "object", "properties": {}}) for name in names]


def _own_spelling(call_id: str) -> str:
    """The server's own id behind one that was spelled out for the client."""
    if not call_id.startswith(_SPELLED):
        return call_id
    payload = call_id.removeprefix(_SPELLED)
    try:
        return base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True).decode() or call_id
    except (binascii.Error, ValueError):
        return call_id
