"""The rows of a result as its page shows them: lines, or what they come to by day or by model."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from usage.invoices import results
from usage.invoices.models import Cause, Reconciliation

_TOKENS = ("input", "cache_read", "cache_write", "output")


def rows(result: Reconciliation, by: str, most: int, *, only_differences: bool) -> list[dict[str, Any]]:
    """Returns the first rows of a result by "day", "model", or both where that is empty; at most `most`."""
    lines = results.differing(result.lines.all()) if only_differences else result.lines.all()
    if by:
        return [_row(one) for one in results.grouped(lines, {"day": "day", "model": "model_name"}[by])[:most]]
    return [_row(one) for one in lines.values()[:most]]


def percent(difference: Decimal | None, ours: Decimal | None) -> str:
    """Returns a difference as a part of our figure, such as `+12.5 %`; empty where there is none."""
    if difference is None or not ours:
        return ""
    return f"{difference / ours * 100:+,.1f} %"


def _row(of: Mapping[str, Any]) -> dict[str, Any]:
    cause = of.get("cause", Cause.NONE)
    tokens: int | None = of["token_difference"]
    return {
        "day": of.get("day"),
        "model": of.get("model_name"),
        "on_invoice": of.get("on_invoice", ""),
        "is_pruned": bool(of.get("is_pruned") or of.get("pruned")),
        "invoice_tokens": _tokens(of, "invoice"),
        "our_tokens": _tokens(of, "our"),
        "invoice_cost": of["invoice_cost"],
        "our_cost": of["our_cost"],
        "difference": of["difference"],
        "token_difference": "" if of["difference"] is not None or tokens is None else f"{tokens:+,} tokens",
        "percent": "" if cause == Cause.ROUNDING or not of["difference"] else percent(of["difference"], of["our_cost"]),
        "cause": "" if cause == Cause.NONE else Cause(cause).label,
        "explanation": of.get("explanation", ""),
    }


def _tokens(of: Mapping[str, Any], side: str) -> int | None:
    known = [of[f"{side}_{name}"] for name in _TOKENS if of[f"{side}_{name}"] is not None]
    return sum(known) if known else None
