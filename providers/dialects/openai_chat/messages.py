"""The turns of a Claude conversation as chat messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from providers.claude.blocks import Block, joined_text, text_block, text_of, texts_of
from providers.claude.media import Media, may_be_media, media_of, nested_media
from providers.claude.tools import upstream_name
from providers.claude.turns import AssistantTurn, ResultsTurn, SystemTurn, ToolResult, Turn, UserTurn
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.dialects.openai_chat.signatures import Replay
from providers.dialects.openai_chat.tools import upstream_call_id
from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity, Notes
from usage.sentence import Sentence

Message = dict[str, Any]
Part = dict[str, Any]


class Writer:
    """The messages so far, and the media of tool results that wait for the next user message."""

    __slots__ = ("_notes", "_parts", "_profile", "_replay", "_waiting", "messages")

    def __init__(self, profile: Profile, model: str, origin: str, notes: Notes) -> None:
        self.messages: list[Message] = []
        self._profile = profile
        self._notes = notes
        self._parts = _Parts(profile, model)
        self._replay = Replay(profile, model, origin, notes)
        self._waiting: list[Part] = []

    def has_waiting(self) -> bool:
        """Whether media wait for the next user message."""
        return bool(self._waiting)

    def turns(self, turns: Iterable[Turn]) -> None:
        """Adds the messages of some turns. Raises UnsupportedRequest for media that the upstream cannot be given."""
        for turn in turns:
            match turn:
                case SystemTurn():
                    self.reminder(turn.blocks)
                case UserTurn():
                    self.user(turn.blocks)
                case AssistantTurn():
                    self.flush()
                    self.assistant(turn.blocks)
                case ResultsTurn():
                    for result in turn.results:
                        self.result(result)

    def text_message(self, role: str, blocks: list[Block]) -> None:
        """A message of text, if there is any."""
        content = self._parts.texts(blocks) if self._parts.sends_cache_marks else joined_text(blocks)
        if content:
            self.messages.append({"role": role, "content": content})

    def reminder(self, blocks: list[Block]) -> None:
        """A system message inside the conversation, sent in its place: moving it would cost the prompt cache."""
        self.flush()
        if self._profile.system_in_place:
            self.text_message("system", blocks)
        elif text := joined_text(blocks):
            self._notes.add(Fidelity.SYSTEM_RESTATED)
            self.user([reminder_block(text)])

    def user(self, blocks: list[Block]) -> None:
        """A user message, after the media that tools returned just before."""
        content = self._parts.content(blocks, self._waiting)
        self._waiting = []
        if not content:
            return
        if self._joins_last(content):
            self.messages[-1]["content"] = _appended(self.messages[-1]["content"], content)
        else:
            self.messages.append({"role": "user", "content": content})

    def _joins_last(self, content: str | list[Part]) -> bool:
        """Whether a user message becomes part of the message before, because the server takes none of its own there."""
        role = self.messages[-1]["role"] if self.messages else ""
        if role == "tool":
            return not self._profile.user_after_results and isinstance(content, str)
        return role == "user" and self._profile.merges_users

    def flush(self) -> None:
        """Give the waiting media a user message of their own."""
        if self._waiting:
            self.user([])

    def assistant(self, blocks: list[Block]) -> None:
        """One message with text, tool calls and, where the server wants it back, thinking."""
        # The text came as one stream and was cut only by what lay between: put together, it is what the model wrote.
        content = self._parts.texts(blocks) if self._parts.sends_cache_marks else "".join(texts_of(blocks))
        calls = [self._call(block) for block in blocks if block.get("type") == "tool_use"]
        thinking = self._replay.fields(blocks, has_calls=bool(calls))
        if not content and not calls:
            return
        blank = None if self._profile.null_content else ""
        message: Message = {"role": "assistant", "content": content or blank, **thinking}
        if calls:
            message["tool_calls"] = calls
        self.messages.append(message)

    def result(self, result: ToolResult) -> None:
        """A tool message; media follow in a user message, because to most servers a tool message is text."""
        call_id = upstream_call_id(result.call_id, self._profile, self._replay.origin, self._notes)
        media = [part for block in result.blocks for part in self._parts.media(block)]
        text = joined_text(result.blocks)
        if media:
            self._notes.add(Fidelity.MEDIA_MOVED)
            text = f"{text}\n\n(attached to the next message)" if text else "(attached to the next message)"
            self._waiting.append({"type": "text", "text": f"Attached to the result of the tool call {call_id}:"})
            self._waiting += media
        text = text or "(no output)"
        if result.is_error:
            self._notes.add(Fidelity.RESULT_ERROR_WORDED)
            text = text if text.startswith("Error") else f"Error: {text}"
        content = self._parts.with_last_mark(text, result) if self._parts.sends_cache_marks else text
        message: Message = {"role": "tool", "tool_call_id": call_id, "content": content}
        if self._profile.names_results:
            message["name"] = upstream_name(result.name, self._profile.tool_name_limit)
        self.messages.append(message)

    def _call(self, block: Block) -> Message:
        given = block.get("input")
        arguments = msgspec.json.encode(given if isinstance(given, dict) else {}).decode()
        name = upstream_name(block["name"], self._profile.tool_name_limit)
        if name != block["name"]:
            self._notes.add(Fidelity.TOOL_RENAMED)
        return {
            "id": upstream_call_id(block["id"], self._profile, self._replay.origin, self._notes),
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }


class _Parts:
    """Content blocks as the parts of a message for one server and model, with their cache_control."""

    __slots__ = ("_documents", "sends_cache_marks")

    def __init__(self, profile: Profile, model: str) -> None:
        self.sends_cache_marks = profile.sends_cache_marks(model)
        self._documents = profile.documents

    def content(self, blocks: list[Block], waiting: list[Part]) -> str | list[Part]:
        """Text alone as one string, which every server reads; parts beside media, or where marks sit on them.

        Raises UnsupportedRequest for media that the server cannot be given.
        """
        if not self.sends_cache_marks and not waiting and not any(map(may_be_media, blocks)):
            return joined_text(blocks)
        parts = [*waiting, *(part for block in blocks for part in self._of(block))]
        if self.sends_cache_marks or any(part["type"] != "text" for part in parts):
            return parts
        return "\n\n".join(part["text"] for part in parts)

    def texts(self, blocks: list[Block]) -> list[Part]:
        """The texts alone."""
        return [part for block in blocks if (part := self._text(block)) is not None]

    def _of(self, block: Block) -> list[Part]:
        text = self._text(block)
        texts = [] if text is None else [text]
        return texts + self.media(block) if may_be_media(block) else texts

    def media(self, block: Block) -> list[Part]:
        """The images and files alone. Raises UnsupportedRequest."""
        if not may_be_media(block):
            return []
        nested = [part for inner in nested_media(block) for part in self.media(inner)]
        media = media_of(block)
        if media is None:
            return nested
        part = {"type": "image_url", "image_url": {"url": media.url}} if media.kind == "image" else self._file(media)
        return [self.marked(part, block.get("cache_control"))]

    def marked(self, part: Part, mark: Any) -> Part:
        """The part, with cache_control where it is sent; without the fields that only Anthropic knows."""
        if self.sends_cache_marks and isinstance(mark, dict) and mark.get("type") == "ephemeral":
            part["cache_control"] = {key: mark[key] for key in ("type", "ttl") if key in mark}
        return part

    def with_last_mark(self, text: str, result: ToolResult) -> list[Part]:
        """The text of a result with the mark that stands last in it."""
        marks = [result.cache_control, *(block.get("cache_control") for block in result.blocks)]
        return [self.marked({"type": "text", "text": text}, next((mark for mark in reversed(marks) if mark), None))]

    def _text(self, block: Block) -> Part | None:
        text = text_of(block)
        return None if text is None else self.marked({"type": "text", "text": text}, block.get("cache_control"))

    def _file(self, media: Media) -> Part:
        accepted = self._documents
        if accepted == "refused" or (accepted == "inline" and not media.inline):
            how = "PDF documents" if accepted == "refused" else "documents by their address"
            raise UnsupportedRequest(
                Sentence(
                    "This provider cannot read {how}. Send the text of the document instead.",
                    code="document_unreadable",
                    how=how,
                )
            )
        # https://platform.openai.com/docs/guides/pdf-files
        return {"type": "file", "file": {"filename": media.title or "document.pdf", "file_data": media.url}}


def reminder_block(text: str) -> Block:
    """A user's block that says what a system message would."""
    return text_block(f"<system-reminder>\n{text}\n</system-reminder>")


def _appended(content: str | list[Part], more: str | list[Part]) -> str | list[Part]:
    """Two contents as one; a string where both are."""
    if isinstance(content, str) and isinstance(more, str):
        return f"{content}\n\n{more}"
    parts = [[{"type": "text", "text": one}] if isinstance(one, str) else one for one in (content, more)]
    return [*parts[0], *parts[1]]
