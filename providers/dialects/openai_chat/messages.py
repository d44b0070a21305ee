"""A Claude conversation as chat messages. The same prefix of a conversation always gives the same messages.

Text alone goes out as one string, which every server reads; as a list of parts only beside media, or where the upstream
keeps cache marks, which sit on parts.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.blocks import Block, joined_text, system_blocks, text_block, text_of
from providers.claude.media import Media, media_of, nested_media
from providers.claude.turns import AssistantTurn, ResultsTurn, SystemTurn, ToolResult, UserTurn, turns
from providers.dialects.openai_chat.profiles import Profile
from providers.dialects.openai_chat.tools import upstream_call_id, upstream_name
from providers.errors import UnsupportedRequest
from providers.fidelity import Notes

Message = dict[str, Any]


def chat_messages(
    body: dict[str, Any], profile: Profile, model: str, notes: Notes, *, last_system: str | None = None
) -> list[Message]:
    """The messages of a Claude request for `model`; `last_system` is added to the system prompt.

    Raises UnsupportedRequest for media that the upstream cannot be given.
    """
    writer = _Writer(profile, model)
    system = system_blocks(body)
    if last_system is not None:
        system = [*system, text_block(last_system)]
    writer.add("system", system)
    for turn in turns(body.get("messages"), notes):
        match turn:
            case SystemTurn():
                writer.reminder(turn.blocks)
            case UserTurn():
                writer.user(turn.blocks)
            case AssistantTurn():
                writer.flush()
                writer.assistant(turn.blocks)
            case ResultsTurn():
                for result in turn.results:
                    writer.result(result)
    writer.flush()
    return writer.messages


class _Writer:
    """The messages so far, and the media of tool results that wait for the next user message."""

    def __init__(self, profile: Profile, model: str) -> None:
        self.messages: list[Message] = []
        self._profile = profile
        self._keeps_marks = profile.keeps_cache_control is not None and bool(profile.keeps_cache_control.search(model))
        excepted = profile.replay_except is not None and bool(profile.replay_except.search(model))
        self._replay = None if excepted else profile.replay
        self._waiting: list[Message] = []

    def add(self, role: str, blocks: list[Block]) -> None:
        """A message of text, if there is any."""
        content = self._content(self._texts(blocks))
        if content:
            self.messages.append({"role": role, "content": content})

    def reminder(self, blocks: list[Block]) -> None:
        """A system message in the middle, said where it stands: moving it would cost the prompt cache."""
        self.flush()
        if self._profile.system_in_place:
            self.add("system", blocks)
        elif text := joined_text(blocks):
            self.user([text_block(f"<system-reminder>\n{text}\n</system-reminder>")])

    def user(self, blocks: list[Block]) -> None:
        """What the user says, after the media that tools returned just before."""
        parts = [*self._waiting, *(part for block in blocks for part in self._parts(block))]
        self._waiting = []
        if parts:
            self.messages.append({"role": "user", "content": self._content(parts)})

    def flush(self) -> None:
        """Give the waiting media a user message of their own."""
        if self._waiting:
            self.user([])

    def assistant(self, blocks: list[Block]) -> None:
        """One message with text, tool calls and, where the server wants it back, thinking."""
        texts = self._texts(blocks)
        calls = [self._call(block) for block in blocks if block.get("type") == "tool_use"]
        if not texts and not calls:
            return
        # The text came as one stream and was cut only by what lay between: put together, it is what the model wrote.
        content = texts if self._keeps_marks else "".join(part["text"] for part in texts)
        message: Message = {"role": "assistant", "content": content or None}
        if self._replay is not None:
            thinking = "".join(_thinking(block) for block in blocks)
            if thinking:
                message[self._replay] = thinking
            elif calls and self._profile.replay_required:
                message[self._replay] = " "
        if calls:
            message["tool_calls"] = calls
        self.messages.append(message)

    def result(self, result: ToolResult) -> None:
        """A tool message; media follow in a user message, because to most servers a tool message is text."""
        call_id = upstream_call_id(result.call_id, self._profile)
        media = [part for block in result.blocks for part in self._media(block)]
        text = joined_text(result.blocks)
        if media:
            text = f"{text}\n\n(attached to the next message)" if text else "(attached to the next message)"
            self._waiting.append({"type": "text", "text": f"Attached to the result of the tool call {call_id}:"})
            self._waiting += media
        text = text or "(no output)"
        if result.is_error and not text.startswith("Error"):
            text = f"Error: {text}"
        part: Message = {"type": "text", "text": text}
        if self._keeps_marks:
            marks = [result.cache_control, *(block.get("cache_control") for block in result.blocks)]
            _mark(part, next((mark for mark in reversed(marks) if mark), None))
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": self._content([part])})

    def _call(self, block: Block) -> Message:
        given = block.get("input")
        arguments = msgspec.json.encode(given if isinstance(given, dict) else {}).decode()
        name = upstream_name(block["name"], self._profile.tool_name_limit)
        return {
            "id": upstream_call_id(block["id"], self._profile),
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }

    def _content(self, parts: list[Message]) -> str | list[Message]:
        if self._keeps_marks or any(part["type"] != "text" for part in parts):
            return parts
        return "\n\n".join(part["text"] for part in parts)

    def _texts(self, blocks: list[Block]) -> list[Message]:
        return [part for block in blocks if (part := self._text(block)) is not None]

    def _parts(self, block: Block) -> list[Message]:
        text = self._text(block)
        media = self._media(block)
        return media if text is None else [text, *media]

    def _text(self, block: Block) -> Message | None:
        text = text_of(block)
        if text is None:
            return None
        part: Message = {"type": "text", "text": text}
        if self._keeps_marks:
            _mark(part, block.get("cache_control"))
        return part

    def _media(self, block: Block) -> list[Message]:
        nested = [part for inner in nested_media(block) for part in self._media(inner)]
        media = media_of(block)
        if media is None:
            return nested
        part = {"type": "image_url", "image_url": {"url": media.url}} if media.kind == "image" else self._file(media)
        if self._keeps_marks:
            _mark(part, block.get("cache_control"))
        return [part]

    def _file(self, media: Media) -> Message:
        accepted = self._profile.documents
        if accepted == "refused" or (accepted == "inline" and not media.inline):
            how = "PDF documents" if accepted == "refused" else "documents by their address"
            raise UnsupportedRequest(f"This provider cannot read {how}. Send the text of the document instead.")
        # https://platform.openai.com/docs/guides/pdf-files
        return {"type": "file", "file": {"filename": media.title or "document.pdf", "file_data": media.url}}


def _mark(part: Message, mark: Any) -> None:
    """Put a cache mark on a part, without the fields that only Anthropic knows."""
    if isinstance(mark, dict) and mark.get("type") == "ephemeral":
        part["cache_control"] = {key: mark[key] for key in ("type", "ttl") if key in mark}


def _thinking(block: Block) -> str:
    text = block.get("thinking") if block.get("type") == "thinking" else None
    return text if isinstance(text, str) else ""
