"""What the forms of limits and of budgets check, an administrator's and a lead's. Each error stands beside the field
that has to be changed; whom one binds the forms that begin with these say."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Final

from access.allowances.models import NOT_OF_LEADS, OF_LEADS, ONE_WHOM, WHOM, Allowance
from access.models import Budget, RateLimit
from proxysite.console.lost_updates import MergingForm
from usage.budgets import definitions


class AllowanceForm(MergingForm):
    """What both kinds have in common; `called` is the word for one."""

    called: str

    @abstractmethod
    def whom(self, data: dict[str, Any]) -> dict[str, Any]:
        """Returns the field that says whom it binds with its value; nothing where an error stands beside it."""

    def taken(self, other: Allowance) -> str:
        """Returns what to do where `other` is of the same kind."""
        return f"There is a {self.called} of this kind already. Change that one."


class OfAnybody(AllowanceForm):
    """An administrator's: for a key, a person, a team or each member of one; it stays with whom it was made for."""

    def whom(self, data: dict[str, Any]) -> dict[str, Any]:
        """Rejects an allowance of nobody or of two, and one of leads that is not inside their team."""
        if self.instance.pk is not None:
            whom = {self.instance.whom: getattr(self.instance, self.instance.whom)}
        else:
            whom = {name: data[name] for name in WHOM if data.get(name) is not None}
            if len(whom) != 1:
                self.add_error([*whom, "key"][1 if whom else 0], ONE_WHOM)
                return {}
        if data.get("leads_may_change") and not whom.keys() & set(OF_LEADS):
            self.add_error("leads_may_change", NOT_OF_LEADS)
            return {}
        return whom


class RateLimitForm(AllowanceForm):
    """A limit."""

    called = "limit"

    class Meta:
        model = RateLimit
        fields: tuple[str, ...] = ("measure", "per", "most")
        help_texts = {
            "measure": "Input tokens are those that were not read from a cache, unless LIMIT_INPUT_TOKENS says all.",
            "per": "A minute refills steadily. A day begins at midnight of the team's, for a user of the site's, zone.",
        }

    def clean(self) -> dict[str, Any]:
        """Rejects a period that its measure has not, and a second limit of its kind."""
        data: dict[str, Any] = super().clean() or {}
        whom = self.whom(data)
        if not whom:
            return data
        measure, per = data.get("measure"), data.get("per")
        if measure and per and (measure == RateLimit.Measure.STREAMS) is not (per == RateLimit.Per.ONCE):
            only = "Requests at the same time have no period: choose “at the same time”."
            self.add_error("per", only if measure == RateLimit.Measure.STREAMS else "Choose “a minute” or “a day”.")
            return data
        others = RateLimit.objects.filter(**whom, measure=measure, per=per).exclude(pk=self.instance.pk)
        if (other := others.first()) is not None:
            self.add_error("measure", self.taken(other))
        return data


_KIND: Final = ("period", "week_starts", "model_names", "hard", "enabled")


def _alike(one: Budget, other: Budget) -> bool:
    """Whether two budgets of one period are of the same models and begin at the same time."""
    same_days = one.period != Budget.Period.WEEK or one.week_starts == other.week_starts
    return same_days and set(one.model_names.split()) == set(other.model_names.split())


class BudgetForm(AllowanceForm):
    """A budget."""

    called = "budget"

    class Meta:
        model = Budget
        fields: tuple[str, ...] = ("amount", "period", "week_starts", "model_names", "hard", "enabled")

    def clean_model_names(self) -> str:
        """Returns one name or pattern per line, without duplicates."""
        lines = (line.strip() for line in self.cleaned_data["model_names"].splitlines())
        return "\n".join(dict.fromkeys(filter(None, lines)))

    def clean(self) -> dict[str, Any]:
        """Rejects a second budget of its kind, and changes of what was used."""
        data: dict[str, Any] = super().clean() or {}
        whom = self.whom(data)
        if not whom:
            return data
        if self.instance.pk is not None:
            kept = set(self.changed_data) & set(definitions.KEPT)
            if kept and definitions.is_used(self.instance.pk):
                for name in kept:
                    self.add_error(name, definitions.USED)
                return data
        kind = {name: data.get(name, getattr(self.instance, name)) for name in _KIND}
        same = Budget.objects.filter(**whom, period=kind["period"], hard=kind["hard"], enabled=kind["enabled"])
        others = [row for row in same.exclude(pk=self.instance.pk) if _alike(row, Budget(**kind))]
        if kind["enabled"] and others:
            self.add_error("period" if "period" in self.fields else "enabled", self.taken(others[0]))
        return data
