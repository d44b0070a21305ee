"""The transforms that change how a request asks for thinking, and which earlier thinking it sends back.

None changes its argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec

from providers.claude.blocks import Block, text_block
from providers.claude.fields import output_schema, thinking_of

Request = dict[str, Any]

TAG = "reasoning_content"
_KINDS = frozenset({"thinking", "redacted_thinking"})
_INSTRUCTION = f"""\
Think before you answer, even where the task looks simple. Begin every reply with your thinking, in this form:

<{TAG}>
what you consider, step by step
</{TAG}>

Your answer or your tool call comes after the closing tag and must stand on its own: nobody reads the thinking."""


class Reasoning(msgspec.Struct, forbid_unknown_fields=True):
    """`enable`: true asks for thinking where the client did not, false forbids it, null leaves it to the client.

    `budget`: tokens to think with where `enable` asks. `history`: whether earlier thinking is sent back or dropped.
    `tell`: a further field that says whether to think, for servers whose profile has none.
    """

    enable: bool | None = None
    budget: Annotated[int, msgspec.Meta(ge=1024)] | None = None
    history: Literal["keep", "drop"] = "keep"
    tell: Literal["", "enable_thinking", "chat_template_kwargs"] = ""


class ForceReasoning(msgspec.Struct, forbid_unknown_fields=True):
    """`replay`: how many earlier turns, at most, have their thinking sent back."""

    replay: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 10


def reasoning(request: Request, options: Reasoning) -> Request:
    """Switches thinking on or off, also in a server's own field, and drops earlier thinking."""
    edited = dict(request)
    if options.enable is False:
        edited["thinking"] = {"type": "disabled"}
    elif options.enable and thinking_of(request).mode != "on":
        edited["thinking"] = _enabled(request, options.budget)
    mode = thinking_of(edited).mode
    if options.tell and mode != "unset":
        enabled: Any = mode == "on"
        if options.tell == "chat_template_kwargs":
            # https://docs.vllm.ai/en/latest/features/reasoning_outputs.html (November 2026)
            given = edited.get("chat_template_kwargs")
            enabled = {**(given if isinstance(given, dict) else {}), "enable_thinking": enabled}
        edited[options.tell] = enabled
    if options.history == "drop":
        edited["messages"] = _with_thinking(edited.get("messages"), lambda number, blocks: [])
    return edited


def _enabled(request: Request, budget: int | None) -> dict[str, Any]:
    if budget is None:
        return {"type": "adaptive"}
    asked = request.get("max_tokens")
    # Claude refuses a budget that leaves no room for an answer.
    return {"type": "enabled", "budget_tokens": min(budget, asked - 1) if isinstance(asked, int) and asked else budget}


def forcereasoning(request: Request, options: ForceReasoning) -> Request:
    """Asks in the system prompt for thinking between tags, and sends earlier thinking back in such tags."""
    if thinking_of(request).mode == "off" or output_schema(request) is not None:
        return request
    messages = request.get("messages")
    replayed = _replayed(messages, options.replay)
    edited = {key: value for key, value in request.items() if key != "thinking"}
    edited["system"] = [*_system(request), text_block(_INSTRUCTION)]
    edited["messages"] = _with_thinking(messages, lambda number, blocks: _tagged(blocks) if number in replayed else [])
    return edited


def _system(request: Request) -> list[Any]:
    system = request.get("system")
    if isinstance(system, list):
        return system
    return [text_block(system)] if isinstance(system, str) and system else []


def _tagged(thinking: list[Block]) -> list[Block]:
    texts = [block["thinking"] for block in thinking if _thought(block)]
    return [text_block(f"<{TAG}>\n{text}\n</{TAG}>\n") for text in texts]


def _replayed(messages: Any, most: int) -> frozenset[int]:
    """Returns the indexes of the messages whose thinking is sent back: the last `most`, or a few less.

    The window moves in steps, not with every turn, so that the upstream's prompt cache stays valid.
    """
    listed = messages if isinstance(messages, list) else []
    thoughtful = [number for number, message in enumerate(listed) if any(map(_thought, _assistant(message)))]
    step = max(most // 2, 1)
    surplus = max(len(thoughtful) - most, 0)
    return frozenset(thoughtful[-(-surplus // step) * step :]) if most else frozenset()


def _with_thinking(messages: Any, replace: Callable[[int, list[Block]], list[Block]]) -> Any:
    """Returns the messages with their thinking replaced; drops a message that held nothing else."""
    if not isinstance(messages, list):
        return messages
    result = []
    for number, message in enumerate(messages):
        blocks = _assistant(message)
        thinking = [block for block in blocks if _is_thinking(block)]
        if thinking:
            content = [*replace(number, thinking), *(block for block in blocks if not _is_thinking(block))]
            if not content:
                continue
            message = {**message, "content": content}
        result.append(message)
    return result


def _assistant(message: Any) -> list[Any]:
    """Returns the blocks of an assistant message; none if its content is a string."""
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return []
    content = message.get("content")
    return content if isinstance(content, list) else []


def _is_thinking(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in _KINDS


def _thought(block: Any) -> bool:
    """Returns whether a block is readable thinking."""
    if not _is_thinking(block):
        return False
    text = block.get("thinking")
    return isinstance(text, str) and bool(text)
