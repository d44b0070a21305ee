"""What is counted here of an answer whose provider does not count it, or says what cannot be. Sans-IO."""

from __future__ import annotations

from typing import Any

from providers.claude.usage import clean_usage
from providers.counting import CHARACTERS_PER_TOKEN
from providers.counts import CountLimits
from providers.events import Tokens

_FIELDS = {
    "input_tokens": "input",
    "cache_creation_input_tokens": "cache_write",
    "cache_read_input_tokens": "cache_read",
    "output_tokens": "output",
}


def estimated(tokens: Tokens, input_estimate: int, chars: int) -> Tokens:
    """Returns the counts of an answer that was cut off after `chars` characters: what was reported, else estimates."""
    return tokens.merged(Tokens(input=_missing_input(tokens, input_estimate), output=least_output(tokens, chars)))


def completed(tokens: Tokens, input_estimate: int, chars: int, *, output_reported: bool) -> Tokens:
    """Returns the counts of a complete answer that has content, the same ones where none is missing or zero.

    Visible text says nothing against a count that was reported: reasoning is hidden.
    """
    missing_input = _missing_input(tokens, input_estimate)
    if missing_input is None and output_reported:
        return tokens
    output = None if output_reported else max(1, least_output(tokens, chars))
    return tokens.merged(Tokens(input=missing_input, output=output))


def agreeing(usage: dict[str, Any], tokens: Tokens, limits: CountLimits) -> dict[str, Any]:
    """Returns a Claude upstream's usage without the counts that `tokens`, those that are believed, do not have."""
    agreed = clean_usage(usage, max(limits.prompt, limits.output)) or {}
    for field, kind in _FIELDS.items():
        if agreed.get(field) != getattr(tokens, kind):
            agreed = {name: value for name, value in agreed.items() if name != field}
    if tokens.cache_write is None or tokens.cache_write_1h is None:
        agreed.pop("cache_creation", None)
    return agreed


def _missing_input(tokens: Tokens, estimate: int) -> int | None:
    """The estimate, less what was cached, where no input was reported: no prompt is empty. None where one was."""
    if tokens.prompt:
        return None
    return max(0, estimate - (tokens.cache_read or 0) - (tokens.cache_write or 0))


def least_output(tokens: Tokens, chars: int) -> int:
    """Returns the output by its size, or a larger count that was reported before its end."""
    return max(tokens.output or tokens.reasoning or 0, -(-chars // CHARACTERS_PER_TOKEN))
