"""Everything that a model reads of a Claude request: texts to count, and tokens for what is not text.

An unknown kind of block counts with all its strings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from providers.claude.blocks import Block, blocks_of, system_blocks
from providers.claude.tools import is_client_tool, offered_tools
from providers.counting.families import Family
from providers.counting.media import image_tokens, pdf_tokens

_REQUEST = 3
_MESSAGE = 4
"""A message's framing; a request of one message has 7 such tokens at Claude 3 to 4.6, 6 later (docs/counting.md)."""
_CALL = 8
_TOOL = 4
# Claude's own tools by the beginning of their type (pricing page, 2026-11), and a guess for the others.
_SERVER_TOOLS = {"bash_": 245, "text_editor_": 700, "computer_": 735}
_SERVER_TOOL = 500
_OPAQUE = frozenset({"encrypted_content", "encrypted_index", "data"})
_OPAQUE_PER_TOKEN = 6
_SILENT = frozenset({"type", "id", "tool_use_id", "signature", "cache_control", "citations", "media_type", "caller"})

_encode = msgspec.json.Encoder().encode


class Prompt:
    """The content of a request: `texts` to count, and `tokens` for the rest."""

    __slots__ = ("_family", "texts", "tokens")

    def __init__(self, body: dict[str, Any], family: Family) -> None:
        self._family = family
        self.texts: list[str] = []
        self.tokens = _REQUEST
        self._blocks(system_blocks(body))
        self._tools(body)
        messages = [message for message in _list(body.get("messages")) if isinstance(message, dict)]
        first_kept = 0 if family.keeps_thinking else _last_turn(messages)
        for number, message in enumerate(messages):
            self.tokens += _MESSAGE
            self._blocks(blocks_of(message.get("content")), thinking=number >= first_kept)
        wanted = body.get("output_config")
        if isinstance(wanted, dict) and isinstance(wanted.get("format"), dict):
            self._json(wanted["format"].get("schema"))

    def _tools(self, body: dict[str, Any]) -> None:
        offered = offered_tools(body)
        for tool in offered:
            self.tokens += _TOOL
            self.texts.append(tool.name)
            self.texts.append(tool.description or "")
            self._json(tool.schema)
        family = self._family
        if not family.is_claude:
            return
        own = [tool for tool in _list(body.get("tools")) if isinstance(tool, dict) and not is_client_tool(tool)]
        for kind in (str(tool.get("type")) for tool in own):
            self.tokens += next((cost for start, cost in _SERVER_TOOLS.items() if kind.startswith(start)), _SERVER_TOOL)
        if offered or own:
            choice = body.get("tool_choice")
            forced = isinstance(choice, dict) and choice.get("type") in ("any", "tool")
            self.tokens += family.tool_prompt_forced if forced else family.tool_prompt

    def _blocks(self, blocks: Iterable[Block], *, thinking: bool = True) -> None:
        for block in blocks:
            match block.get("type"):
                case "text":
                    self._text(block.get("text"))
                case "image":
                    self.tokens += image_tokens(block.get("source"), self._family)
                case "document":
                    self._document(block)
                case "thinking" | "redacted_thinking":
                    self._thought(block, thinking)
                case "tool_use" | "server_tool_use" | "mcp_tool_use":
                    self.tokens += _CALL
                    self._text(block.get("name"))
                    self._json(block.get("input"))
                case "tool_result" | "mcp_tool_result":
                    self.tokens += _CALL
                    self._blocks(blocks_of(block.get("content")))
                case "search_result":
                    self._text(block.get("title"))
                    self._text(block.get("source"))
                    self._blocks(blocks_of(block.get("content")))
                case "container_upload":
                    self.tokens += _CALL
                case _:
                    self._anything(block)

    def _thought(self, block: Block, counts: bool) -> None:
        if counts:
            self._text(block.get("thinking"))
            self._opaque(block.get("data"))

    def _document(self, block: Block) -> None:
        self._text(block.get("title"))
        self._text(block.get("context"))
        source = block.get("source")
        if not isinstance(source, dict):
            return
        data = source.get("data")
        if source.get("type") == "content":
            self._blocks(blocks_of(source.get("content")))
        elif source.get("type") == "text":
            self._text(data)
        else:
            # A document elsewhere (a URL, a file) has at least one page.
            self.tokens += pdf_tokens(data if isinstance(data, str) else "")

    def _anything(self, value: Any) -> None:
        """Adds every string of a block of an unknown type."""
        if isinstance(value, str):
            self._text(value)
        elif isinstance(value, list):
            for item in value:
                self._anything(item)
        elif isinstance(value, dict):
            for name, item in value.items():
                if name in _OPAQUE:
                    self._opaque(item)
                elif name not in _SILENT:
                    self._anything(item)

    def _opaque(self, value: Any) -> None:
        """Estimates what only Claude can read by its length."""
        if isinstance(value, str) and self._family.is_claude:
            self.tokens += len(value) // _OPAQUE_PER_TOKEN

    def _text(self, value: Any) -> None:
        if isinstance(value, str) and value:
            self.texts.append(value)

    def _json(self, value: Any) -> None:
        if value is not None:
            self.texts.append(_encode(value).decode())


def _last_turn(messages: list[dict[str, Any]]) -> int:
    """Returns where the current turn begins: at the last user message that holds more than tool results."""
    for number in range(len(messages) - 1, -1, -1):
        if messages[number].get("role") == "user" and any(
            block.get("type") != "tool_result" for block in blocks_of(messages[number].get("content"))
        ):
            return number
    return 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
