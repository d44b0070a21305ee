"""A Claude conversation as Ollama's messages. The same prefix of a conversation always gives the same messages.

A message is one string with images beside it, so text and images of one message lose their order.
"""

from __future__ import annotations

from typing import Any

from providers.claude.blocks import Block, joined_text, system_blocks, text_of
from providers.claude.call_ids import own_id
from providers.claude.media import Media, media_of, nested_media
from providers.claude.signatures import is_claudes
from providers.claude.turns import AssistantTurn, ResultsTurn, SystemTurn, ToolResult, UserTurn, turns
from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity, Notes
from usage.sentence import Sentence

Message = dict[str, Any]


def chat_messages(
    body: dict[str, Any], notes: Notes, *, origin: str, replays_thinking: bool, last_system: str | None = None
) -> list[Message]:
    """The messages of a Claude request; `last_system` is added to the system prompt. `origin` is the model.

    Raises UnsupportedRequest for media that Ollama cannot be given.
    """
    writer = _Writer(notes, origin, replays_thinking)
    system = joined_text(system_blocks(body))
    writer.add("system", "\n\n".join(text for text in (system, last_system) if text))
    for turn in turns(body.get("messages"), notes):
        match turn:
            case SystemTurn():
                # In its place: moving it would cost the prompt cache.
                writer.flush()
                writer.add("system", joined_text(turn.blocks))
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
    """The messages so far, and the images of tool results that wait for the next user message."""

    def __init__(self, notes: Notes, origin: str, replays_thinking: bool) -> None:
        self.messages: list[Message] = []
        self._notes = notes
        self._origin = origin
        self._replays_thinking = replays_thinking
        self._waiting_text: list[str] = []
        self._waiting: list[str] = []

    def add(self, role: str, text: str) -> None:
        """A message of text, if there is any."""
        if text:
            self.messages.append({"role": role, "content": text})

    def user(self, blocks: list[Block]) -> None:
        """What the user says, after the images that tools returned just before."""
        texts = [*self._waiting_text, *(text for block in blocks if (text := text_of(block)) is not None)]
        images = [*self._waiting, *_images(blocks)]
        self._waiting_text, self._waiting = [], []
        if not texts and not images:
            return
        message: Message = {"role": "user", "content": "\n\n".join(texts)}
        if images:
            message["images"] = images
        self.messages.append(message)

    def flush(self) -> None:
        """Give the waiting images a user message of their own."""
        if self._waiting:
            self.user([])

    def assistant(self, blocks: list[Block]) -> None:
        """One message with text, calls and, for a model that thinks, thinking."""
        # The text came as one stream and was cut only by what lay between: put together, it is what the model wrote.
        text = "".join(text for block in blocks if (text := text_of(block)) is not None)
        calls = [self._call(block) for block in blocks if block.get("type") == "tool_use"]
        thinking = "".join(self._thinking(block) for block in blocks if block.get("type") == "thinking")
        if not text and not calls:
            return
        message: Message = {"role": "assistant", "content": text}
        if thinking:
            message["thinking"] = thinking
        if calls:
            message["tool_calls"] = calls
        self.messages.append(message)

    def result(self, result: ToolResult) -> None:
        """A tool message; images follow in a user message, because few templates show them in a tool's."""
        images = _images(result.blocks)
        text = joined_text(result.blocks)
        if images:
            self._notes.add(Fidelity.MEDIA_MOVED)
            text = f"{text}\n\n(attached to the next message)" if text else "(attached to the next message)"
            self._waiting_text.append(f"Attached to a result of the tool {result.name}.")
            self._waiting += images
        text = text or "(no output)"
        if result.is_error:
            self._notes.add(Fidelity.RESULT_ERROR_WORDED)
            if not text.startswith("Error"):
                text = f"Error: {text}"
        call_id = own_id(result.call_id, self._origin)
        self.messages.append({"role": "tool", "tool_name": result.name, "tool_call_id": call_id, "content": text})

    def _call(self, block: Block) -> Message:
        given = block.get("input")
        function = {"name": block["name"], "arguments": given if isinstance(given, dict) else {}}
        return {"id": own_id(block["id"], self._origin), "function": function}

    def _thinking(self, block: Block) -> str:
        """Thinking to send back. Claude's is signed for Claude alone; its summary is not what another model thought."""
        text = block.get("thinking")
        if not isinstance(text, str) or not text:
            return ""
        if not self._replays_thinking or is_claudes(block):
            self._notes.add(Fidelity.THINKING_DROPPED)
            return ""
        return text


def _images(blocks: list[Block]) -> list[str]:
    """The base64 of the images in some blocks. Raises UnsupportedRequest for what is no image."""
    images: list[str] = []
    for block in blocks:
        images += _images(nested_media(block))
        media = media_of(block)
        if media is not None:
            images.append(_base64(media))
    return images


def _base64(media: Media) -> str:
    if media.kind != "image":
        raise UnsupportedRequest(
            Sentence("Ollama cannot read PDF documents. Send the text of the document instead.", code="pdf_unreadable")
        )
    head, _, data = media.url.partition(",")
    if not media.inline or not head.endswith(";base64"):
        raise UnsupportedRequest(
            Sentence("Ollama takes images as base64 only, not by their address.", code="image_not_base64")
        )
    return data
