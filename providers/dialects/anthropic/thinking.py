"""How to think, in the form that the model takes: what `thinking` and `output_config.effort` become.

https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting (2026-10): 400 "adaptive thinking is not
supported on this model", "This model does not support the effort parameter", "thinking.type.enabled is not supported".
"""

from __future__ import annotations

from typing import Any

from providers.claude.fields import nearest_effort, thinking_of
from providers.claude.support import ClaudeSupport
from providers.fidelity import Fidelity, Notes

_LEAST_BUDGET = 1024
_BUDGETS = {"low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_000, "max": 32_000}
_OFF = ("disabled", "between_tools")
_CLEARING = "clear_thinking_"
_LEAST_TOP_P = 0.95


def fit_thinking(body: dict[str, Any], support: ClaudeSupport, notes: Notes) -> None:
    """Changes the body's own fields to what the model takes; nothing inside them is changed in place."""
    kind = _kind(body)
    if kind is not None and support.thinking is not None and kind not in support.thinking:
        _restate(body, kind, support, notes)
    _fit_effort(body, support, notes)


def leave_out_thinking(body: dict[str, Any], notes: Notes) -> None:
    """Asks for no thinking, nor for edits of it, which would be refused (router-for-me/CLIProxyAPI#4957, 2026-08)."""
    notes.add(Fidelity.THINKING_CONTROL_DROPPED)
    body.pop("thinking", None)
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    if not isinstance(management, dict) or not isinstance(edits, list):
        return
    kept = [edit for edit in edits if not (isinstance(edit, dict) and str(edit.get("type")).startswith(_CLEARING))]
    if kept:
        body["context_management"] = {**management, "edits": kept}
    else:
        del body["context_management"]


def put_thinking_first(body: dict[str, Any]) -> None:
    """Puts thinking at the beginning of each message, where models that think with a budget want it.

    400 "If an assistant message contains any thinking blocks, the first block must be `thinking` or
    `redacted_thinking`. Found `text`." (lbjlaq/Antigravity-Manager#690, 2026-01): a client or server in between has
    put it elsewhere.
    """
    messages = body.get("messages")
    if isinstance(messages, list):
        body["messages"] = [_thinking_first(message) for message in messages]


def _thinking_first(message: Any) -> Any:
    content = message.get("content") if isinstance(message, dict) and message.get("role") == "assistant" else None
    if not isinstance(content, list) or not content or _is_thinking(content[0]):
        return message
    thinking = [block for block in content if _is_thinking(block)]
    if not thinking:
        return message
    return {**message, "content": [*thinking, *(block for block in content if not _is_thinking(block))]}


def _is_thinking(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in ("thinking", "redacted_thinking")


def _kind(body: dict[str, Any]) -> str | None:
    thinking = body.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    return kind if isinstance(kind, str) else None


def _restate(body: dict[str, Any], kind: str, support: ClaudeSupport, notes: Notes) -> None:
    taken = support.thinking or ()
    if kind in _OFF:
        _switch_off(body, taken, support, notes)
    elif "adaptive" in taken:
        _adapt(body, support, notes)
    elif "enabled" in taken and (budget := _budget(body)) is not None:
        notes.add(Fidelity.THINKING_RESTATED)
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        _drop_sampling(body, notes)
    else:
        leave_out_thinking(body, notes)


def _switch_off(body: dict[str, Any], taken: tuple[str, ...], support: ClaudeSupport, notes: Notes) -> None:
    other = next((kind for kind in _OFF if kind in taken), None)
    if other is not None:
        notes.add(Fidelity.THINKING_RESTATED)
        body["thinking"] = {"type": other}
        return
    body.pop("thinking", None)
    if not taken:
        # It never thinks: nothing is lost.
        return
    notes.add(Fidelity.THINKING_CONTROL_DROPPED)
    if support.efforts and thinking_of(body).effort is None:
        notes.add(Fidelity.EFFORT_CHANGED)
        _set_effort(body, support.efforts[0])


def _adapt(body: dict[str, Any], support: ClaudeSupport, notes: Notes) -> None:
    """A budget becomes an effort; the thinking stays readable, which is not these models' default."""
    notes.add(Fidelity.THINKING_RESTATED)
    wanted = thinking_of(body)
    body["thinking"] = {"type": "adaptive", "display": body["thinking"].get("display") or "summarized"}
    if wanted.is_derived and wanted.effort is not None and support.efforts:
        _set_effort(body, wanted.effort)


def _budget(body: dict[str, Any]) -> int | None:
    """Tokens to think with, below max_tokens and with room for an answer; None where there may be no thinking."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        # "Thinking may not be enabled when tool_choice forces tool use."
        return None
    budget = _BUDGETS.get(thinking_of(body).effort or "high", _BUDGETS["high"])
    most = body.get("max_tokens")
    if not isinstance(most, int):
        # A count, which thinking does not change.
        return None
    return min(budget, max(most // 2, _LEAST_BUDGET)) if most > _LEAST_BUDGET else None


def _drop_sampling(body: dict[str, Any], notes: Notes) -> None:
    """While it thinks, a model takes no temperature but 1, no top_k and no low top_p."""
    top_p = body.get("top_p")
    refused = {"top_k"} | ({"temperature"} if body.get("temperature") != 1 else set())
    if isinstance(top_p, int | float) and top_p < _LEAST_TOP_P:
        refused.add("top_p")
    for name in refused & body.keys():
        if body.pop(name) is not None:
            notes.add(Fidelity.SAMPLING_DROPPED, name)


def _fit_effort(body: dict[str, Any], support: ClaudeSupport, notes: Notes) -> None:
    efforts: tuple[str, ...] | None = support.efforts
    if support.efforts_without_thinking is not None and _kind(body) in _OFF:
        efforts = support.efforts_without_thinking
    config = body.get("output_config")
    asked = config.get("effort") if isinstance(config, dict) else None
    if efforts is None or not isinstance(config, dict) or not isinstance(asked, str) or asked in efforts:
        return
    if efforts:
        notes.add(Fidelity.EFFORT_CHANGED)
        _set_effort(body, nearest_effort(asked, efforts))
        return
    if Fidelity.THINKING_RESTATED.value not in tuple(notes):
        notes.add(Fidelity.THINKING_CONTROL_DROPPED)
    rest = {name: value for name, value in config.items() if name != "effort"}
    if rest:
        body["output_config"] = rest
    else:
        del body["output_config"]


def _set_effort(body: dict[str, Any], effort: str) -> None:
    config = body.get("output_config")
    body["output_config"] = {**(config if isinstance(config, dict) else {}), "effort": effort}
