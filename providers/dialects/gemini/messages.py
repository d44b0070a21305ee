"""A Claude conversation as contents: roles that take turns, each a list of parts.

The same prefix of a conversation always gives the same contents. Thought signatures go back to the parts that they came
with; thinking itself is not sent, unless Gemini signed the thought.
https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

from typing import Any

from providers.claude import signatures
from providers.claude.blocks import Block, joined_text, text_of
from providers.claude.call_ids import own_id
from providers.claude.media import media_of, nested_media
from providers.claude.prefill import GO_ON, begins_answer, may_go_on
from providers.claude.turns import AssistantTurn, ResultsTurn, SystemTurn, ToolResult, UserTurn, turns
from providers.dialects.contract import Call
from providers.dialects.gemini.generation import continues, wants_signatures
from providers.dialects.gemini.tools import upstream_name
from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity
from usage.sentence import Sentence

Part = dict[str, Any]

# Google's value for calls that another model made: the signature is not validated.
# https://ai.google.dev/gemini-api/docs/thought-signatures#faqs
UNSIGNED = "skip_thought_signature_validator"


def contents_of(call: Call) -> list[dict[str, Any]]:
    """The contents of a Claude request. Raises UnsupportedRequest for media that Gemini cannot be given."""
    writer = _Writer(call)
    for turn in turns(call.body.get("messages"), call.notes):
        match turn:
            case SystemTurn():
                writer.reminder(turn.blocks)
            case UserTurn():
                writer.add("user", [part for block in turn.blocks for part in _parts(block)])
            case AssistantTurn():
                writer.assistant(turn.blocks)
            case ResultsTurn():
                writer.results(turn.results)
    if begins_answer(call.body) and not (may_go_on(call.body) and continues(call.provider, call.model)):
        call.notes.add(Fidelity.PREFILL_RESTATED)
        writer.add("user", [{"text": GO_ON}])
    return writer.contents


class _Writer:
    def __init__(self, call: Call) -> None:
        self.contents: list[dict[str, Any]] = []
        self._notes = call.notes
        self._origin = signatures.origin_of(call.provider, call.model)
        self._is_signed = wants_signatures(call.model)
        # Vertex: "Unknown name \"id\" at 'contents[1].parts[0].function_call'" (2026).
        self._has_ids = self._is_signed and call.provider.platform != "vertex"

    def add(self, role: str, parts: list[Part]) -> None:
        """Parts of a role, in its content that is already last, or in a new one."""
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})

    def reminder(self, blocks: list[Block]) -> None:
        """A system message inside the conversation, sent in its place: moving it would cost the prompt cache."""
        if text := joined_text(blocks):
            self._notes.add(Fidelity.SYSTEM_RESTATED)
            self.add("user", [{"text": f"<system-reminder>\n{text}\n</system-reminder>"}])

    def assistant(self, blocks: list[Block]) -> None:
        """An answer of the model: text, calls, and the signatures that came with them."""
        parts: list[Part] = []
        last_text: Part | None = None
        signature: str | None = None
        has_call = is_unsigned = is_signed = False
        for block in blocks:
            match block.get("type"):
                case "thinking":
                    carried = self._carried(block)
                    is_signed, is_unsigned = is_signed or bool(carried), is_unsigned or not carried
                    if "thought" in carried:
                        parts.append({"text": _thought(block), "thought": True, "thoughtSignature": carried["thought"]})
                    if "text" in carried:
                        if last_text is None:
                            last_text = {"text": ""}
                            parts.append(last_text)
                        last_text["thoughtSignature"] = carried["text"]
                    signature = carried.get("call", signature)
                case "tool_use":
                    if signature is None and self._is_signed and not has_call:
                        signature = UNSIGNED
                    parts.append(self._call(block, signature))
                    signature = None
                    has_call = True
                case _ if (text := text_of(block)) is not None:
                    last_text = {"text": text}
                    parts.append(last_text)
        if is_unsigned and not is_signed:
            self._notes.add(Fidelity.THINKING_DROPPED)
        self.add("model", parts)

    def results(self, results: list[ToolResult]) -> None:
        """All results of a turn, and then the media in them: Gemini counts the results against the calls."""
        parts: list[Part] = []
        attached: list[Part] = []
        for result in results:
            name = upstream_name(result.name)
            media = [part for block in result.blocks for part in _media(block)]
            text = joined_text(result.blocks)
            if media:
                self._notes.add(Fidelity.MEDIA_MOVED)
                text = f"{text}\n\n(attached below)" if text else "(attached below)"
                attached.append({"text": f"Attached to the result of the tool {name}:"})
                attached += media
            response = {"name": name, "response": {"error" if result.is_error else "result": text}}
            parts.append({"functionResponse": self._identified(result.call_id, response)})
        self.add("user", parts + attached)

    def _call(self, block: Block, signature: str | None) -> Part:
        given = block.get("input")
        name = upstream_name(block["name"])
        if name != block["name"]:
            self._notes.add(Fidelity.TOOL_RENAMED)
        called = {"name": name, "args": given if isinstance(given, dict) else {}}
        part: Part = {"functionCall": self._identified(block["id"], called)}
        if signature is not None:
            part["thoughtSignature"] = signature
        return part

    def _identified(self, call_id: str, item: Part) -> Part:
        """The item with the call's id, where Gemini has ids; older models match by order and refuse unknown fields."""
        return {"id": own_id(call_id, self._origin), **item} if self._has_ids else item

    def _carried(self, block: Block) -> dict[str, str]:
        """The signatures that a thinking block brings back, by what they belong to."""
        carried = signatures.unpack("gemini", self._origin, block.get("signature"))
        if not isinstance(carried, dict):
            return {}
        return {kind: value for kind, value in carried.items() if isinstance(value, str)}


def _thought(block: Block) -> str:
    text = block.get("thinking")
    return text if isinstance(text, str) else ""


def _parts(block: Block) -> list[Part]:
    text = text_of(block)
    media = _media(block)
    return media if text is None else [{"text": text}, *media]


def _media(block: Block) -> list[Part]:
    nested = [part for inner in nested_media(block) for part in _media(inner)]
    media = media_of(block)
    if media is None:
        return nested
    head, comma, data = media.url.partition(",")
    if not media.inline or not comma or not head.endswith(";base64"):
        raise UnsupportedRequest(
            Sentence("Gemini takes images and documents inline alone. Send them as base64.", code="media_not_inline")
        )
    return [{"inlineData": {"mimeType": head.removeprefix("data:").removesuffix(";base64"), "data": data}}]
