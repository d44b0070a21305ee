"""How many tokens an answer may have: what was asked for, within what the model and its window allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from providers.fidelity import Fidelity

if TYPE_CHECKING:
    from providers.dialects.contract import Call


def output_limit(call: Call) -> int | None:
    """max_tokens as the model can give it, at least 1 (or the 0 that was asked for); None when none was asked for.

    Coding agents ask for 32,000 to 128,000 whatever the model; servers refuse more than its limit, and more than
    the window holds beside the prompt. A lowered limit is noted.
    """
    asked = call.body.get("max_tokens")
    if not isinstance(asked, int) or isinstance(asked, bool):
        return None
    model = call.model
    allowed = asked
    if model.max_output is not None:
        allowed = min(allowed, model.max_output)
    if model.context_window is not None and call.input_estimate is not None:
        allowed = min(allowed, model.context_window - call.input_estimate)
    allowed = max(allowed, min(asked, 1))
    if allowed < asked:
        call.notes.add(Fidelity.MAX_TOKENS_LOWERED)
    return allowed
