"""What LiteLLM's rows say of budgets and limits, in the terms of this gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec

from access.allowances.models import MOST_DOLLARS, Budget, RateLimit
from configuration.foreign.litellm_keys.durations import of_thirty_days, period_of
from configuration.foreign.litellm_keys.values import amount, is_set, mapping, moment, number, objects, text

FIELDS = (
    *("max_budget", "soft_budget", "budget_duration", "budget_reset_at", "budget_limits", "model_max_budget"),
    *("tpm_limit", "rpm_limit", "max_parallel_requests", "spend"),
)
"""The columns about budgets and limits that keys, teams, users and budgets have."""
_OF_MODELS = ("model_rpm_limit", "model_tpm_limit")
_TEMPORARY = "temp_budget_increase"
_CENT = Decimal("0.01")
_MOST_OF_LIMIT = 2**63 - 1
_ZERO = "which allows nothing: disable instead"
_SMALL = "which is less than a cent: disable instead"
_LIMITS = {
    "rpm_limit": [(RateLimit.Measure.REQUESTS, RateLimit.Per.MINUTE)],
    # LiteLLM adds input and output up: with the number for each, nothing is refused here that it would let through.
    "tpm_limit": [
        (RateLimit.Measure.INPUT_TOKENS, RateLimit.Per.MINUTE),
        (RateLimit.Measure.OUTPUT_TOKENS, RateLimit.Per.MINUTE),
    ],
    "max_parallel_requests": [(RateLimit.Measure.STREAMS, RateLimit.Per.ONCE)],
}

ModelsOf = Callable[[str], list[str]]
"""Returns the names of the providers' models that answer for a name of LiteLLM; none for an unknown one."""


class Wanted(msgspec.Struct, frozen=True):
    """A budget as LiteLLM has it. `spent` are the US dollars that count in its window of now."""

    amount: Decimal
    period: str
    hard: bool = True
    models: tuple[str, ...] = ()
    spent: Decimal = Decimal(0)
    note: str = ""


class WantedLimit(msgspec.Struct, frozen=True):
    """A limit as LiteLLM has it."""

    measure: str
    per: str
    most: int


class Allowances(msgspec.Struct):
    """What a row allows; `left_out` names what has no equal here, with what to do."""

    budgets: list[Wanted] = []
    limits: list[WantedLimit] = []
    left_out: list[str] = []


def fields_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a row says of budgets and limits: its columns, and what is in its metadata."""
    found = {name: row[name] for name in FIELDS if is_set(row.get(name))}
    metadata = mapping(row.get("metadata"))
    return found | {name: metadata[name] for name in (*_OF_MODELS, _TEMPORARY) if is_set(metadata.get(name))}


def filled(own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a row that refers to a row of LiteLLM_BudgetTable, which says what the row itself does
    not. The latter's spend is nobody's."""
    return {name: value for name, value in shared.items() if name != "spend"} | dict(own)


def read(fields: Mapping[str, Any], models_of: ModelsOf) -> Allowances:
    """Returns what the fields of a row allow."""
    found = Allowances()
    _budgets(fields, found)
    for window in objects(fields.get("budget_limits")):
        _budget(window, found, "budget_limits")
    for name, window in mapping(fields.get("model_max_budget")).items():
        _of_model(text(name), mapping(window) or {"max_budget": window}, found, models_of)
    for name, measures in _LIMITS.items():
        if name in fields:
            _limit(name, fields[name], measures, found)
    found.left_out += [f"{name}: limits hold for all models here" for name in _OF_MODELS if name in fields]
    if _TEMPORARY in fields:
        found.left_out.append(f"{_TEMPORARY}: raise the budget for this window here")
    return found


def _budgets(fields: Mapping[str, Any], found: Allowances) -> None:
    """Adds the hard and the soft budget of a row."""
    if "max_budget" in fields:
        _budget(fields, found, "max_budget")
    if "soft_budget" in fields:
        _budget({**fields, "max_budget": fields["soft_budget"]}, found, "soft_budget", hard=False)
    if "budget_duration" in fields and not {"max_budget", "soft_budget"} & fields.keys():
        found.left_out.append(f"budget_duration {_shown(fields['budget_duration'])}: it has no amount")


def _budget(
    fields: Mapping[str, Any], found: Allowances, name: str, *, hard: bool = True, models: tuple[str, ...] = ()
) -> None:
    value, duration = fields.get("max_budget"), text(fields.get("budget_duration"))
    what = f"{name} {_shown(value)}" + (f" per {duration}" if duration else "")
    dollars = number(value)
    if dollars is None:
        # Such as one without end.
        return
    if dollars < _CENT:
        found.left_out.append(f"{what}, {_SMALL if dollars > 0 else _ZERO}")
    elif dollars > MOST_DOLLARS:
        found.left_out.append(f"{what}: a budget is at most ${MOST_DOLLARS:,} here")
    elif (period := period_of(duration)) is None:
        found.left_out.append(f"{what}: choose an amount for a day, a week or a month")
    else:
        note = of_thirty_days(duration, _moment(fields.get("budget_reset_at", fields.get("reset_at"))))
        spent = Decimal(0) if models or name == "budget_limits" else amount(fields.get("spend"))
        dollars = dollars.quantize(_CENT, rounding=ROUND_DOWN)
        found.budgets.append(Wanted(dollars, period, hard, models, spent, note))


def _of_model(name: str, window: Mapping[str, Any], found: Allowances, models_of: ModelsOf) -> None:
    """Adds the budget for one model: LiteLLM has it under two names for each value."""
    fields = {
        "max_budget": window.get("max_budget", window.get("budget_limit")),
        "budget_duration": window.get("budget_duration", window.get("time_period")),
    }
    if any(is_set(window.get(limit)) for limit in ("tpm_limit", "rpm_limit")):
        found.left_out.append(f"model_max_budget of {name}: its limits hold for all models here")
    if not is_set(fields["max_budget"]):
        return
    models = tuple(models_of(name))
    if models:
        _budget(fields, found, f"model_max_budget of {name}:", models=models)
    else:
        found.left_out.append(
            f"model_max_budget of {name}: no route and no model has that name: set a budget with the models that count"
        )


def _limit(name: str, value: Any, measures: list[tuple[RateLimit.Measure, RateLimit.Per]], found: Allowances) -> None:
    most = number(value)
    if most is None or most > _MOST_OF_LIMIT:
        return
    if most < 1:
        found.left_out.append(f"{name} {_shown(value)}, {_ZERO}")
    else:
        found.limits += [WantedLimit(measure, per, int(most)) for measure, per in measures]


def shown(budget: Wanted | Budget) -> str:
    """Returns a budget's amount and period for a report."""
    return f"${budget.amount:,.2f} {dict(Budget.Period.choices)[budget.period]}"


def _shown(value: Any) -> str:
    return text(str(value), 40)


def _moment(value: Any) -> datetime | None:
    try:
        return moment(value)
    except ValueError:
        return None
