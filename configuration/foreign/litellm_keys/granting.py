"""Writes budgets and limits of LiteLLM's keys, teams and users for whom has none here, and reports each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from access.allowances.models import Budget, RateLimit
from configuration.foreign.litellm_keys import allowances
from configuration.foreign.litellm_keys.allowances import ModelsOf, Wanted, WantedLimit
from configuration.foreign.litellm_keys.report import KeyReport

_LEAST = Decimal("0.01")
_Subject = tuple[str, int]


class Granting:
    """Grants budgets and limits. Whoever has a budget here, or a limit, gets none: somebody decided on it here."""

    def __init__(self, report: KeyReport, models_of: ModelsOf, *, less_spent: bool) -> None:
        self._report = report
        self._models_of = models_of
        self._less_spent = less_spent
        self._budgets: dict[_Subject, list[Budget]] = defaultdict(list)
        self._limits: dict[_Subject, list[RateLimit]] = defaultdict(list)
        for budget in Budget.objects.all():
            self._budgets[_subject(budget)].append(budget)
        for limit in RateLimit.objects.all():
            self._limits[_subject(limit)].append(limit)

    def grant(self, whom: str, target: int, what: str, fields: Mapping[str, Any], *, without_budgets: str = "") -> None:
        """Writes what the fields of a row allow; `what` names whom in the report. `without_budgets` says why budgets
        over all models are left out."""
        found = allowances.read(fields, self._models_of)
        if without_budgets:
            left_out = [budget for budget in found.budgets if not budget.models]
            found.left_out += [f"{allowances.shown(budget)}: {without_budgets}" for budget in left_out]
            found.budgets = [budget for budget in found.budgets if budget.models]
        if found.left_out:
            self._report.leave_out(what, found.left_out)
        if found.budgets:
            self._grant_budgets((whom, target), what, found.budgets)
        if found.limits:
            self._grant_limits((whom, target), what, found.limits)

    def _grant_budgets(self, subject: _Subject, what: str, wanted: list[Wanted]) -> None:
        here = self._budgets.get(subject)
        for one in wanted:
            line = f"budget of {what}: {allowances.shown(one)}, {'hard' if one.hard else 'warns only'}"
            if one.models:
                line += f", for {', '.join(one.models)}"
            if here:
                self._report.add(
                    "=", line, "" if any(self._is_same(one, budget) for budget in here) else _differs(here)
                )
                continue
            amount, spent = self._amount(one)
            whom, target = subject
            budget = Budget.objects.create(
                **{f"{whom}_id": target},
                amount=amount,
                period=one.period,
                hard=one.hard,
                model_names="\n".join(one.models),
            )
            self._report.add("+", line, "; ".join(note for note in (one.note, spent) if note))
            self._budgets[subject].append(budget)

    def _amount(self, wanted: Wanted) -> tuple[Decimal, str]:
        """Returns the amount, and what to report of what LiteLLM has counted of it."""
        if not wanted.spent:
            return wanted.amount, ""
        if self._less_spent and wanted.period == Budget.Period.TOTAL:
            left = max(_LEAST, (wanted.amount - wanted.spent).quantize(_LEAST))
            return left, f"LiteLLM counted ${wanted.spent:,.2f} of it: here it is ${left:,.2f}"
        return wanted.amount, f"LiteLLM counted ${wanted.spent:,.2f} of it: here it counts from now"

    def _grant_limits(self, subject: _Subject, what: str, wanted: list[WantedLimit]) -> None:
        here = self._limits.get(subject)
        whom, target = subject
        for one in wanted:
            limit = RateLimit(**{f"{whom}_id": target}, measure=one.measure, per=one.per, most=one.most)
            line = f"limit of {what}: {limit.amount}"
            if here:
                is_same = any((one.measure, one.per, one.most) == (row.measure, row.per, row.most) for row in here)
                self._report.add("=", line, "" if is_same else _differs(here))
                continue
            limit.save()
            self._report.add("+", line)
            self._limits[subject].append(limit)

    def _is_same(self, wanted: Wanted, budget: Budget) -> bool:
        if (wanted.period, wanted.hard, set(wanted.models)) != (
            budget.period,
            budget.hard,
            set(budget.model_names.split()),
        ):
            return False
        is_what_was_left = self._less_spent and wanted.period == Budget.Period.TOTAL
        return budget.enabled and (
            budget.amount == wanted.amount or (is_what_was_left and budget.amount < wanted.amount)
        )


def _subject(row: Budget | RateLimit) -> _Subject:
    return row.whom, getattr(row, f"{row.whom}_id")


def _differs(here: list[Budget] | list[RateLimit]) -> str:
    return f"differs here, and stays so: {', '.join(map(_here, here))}"


def _here(row: Budget | RateLimit) -> str:
    if isinstance(row, RateLimit):
        return row.amount
    return f"{allowances.shown(row)}{'' if row.hard else ', warns only'}{'' if row.enabled else ', off'}"
