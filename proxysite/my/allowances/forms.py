"""A lead's forms for budgets and rate limits: for each member of the team, or for one of its keys."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from unfold.widgets import (
    UnfoldAdminBigIntegerFieldWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanWidget,
)

from access.allowances.models import Allowance
from access.models import Budget, Team
from proxysite.admin import allowance_forms
from proxysite.admin.allowance_forms import AllowanceForm
from proxysite.my.allowances.shown import owned
from usage.budgets import definitions, increases

EACH_MEMBER: Final = "members"
"""The choice of each member among the ids of keys."""

MOST_OF_ONE: Final = 10
"""Budgets that leads set for one key, or for each member: each request asks all of them."""
MOST_IN_TEAM: Final = 500
"""Budgets that leads set inside one team: each worker holds all of them."""
MOST_MODELS: Final = 50
"""Names and patterns in one of them."""


class InTeam(AllowanceForm):
    """What one of a lead's is for is chosen from one list, and stays. `keys` are those of the team, by id."""

    binds = forms.ChoiceField(
        label="Whom it binds",
        widget=UnfoldAdminSelectWidget(),
        help_text="Each member is bound by themselves, with all their keys of this team together; service keys are "
        "not. To bind one person, choose their keys: what somebody may use in all teams together, administrators set.",
    )

    def __init__(self, *args: Any, team: Team, keys: dict[int, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._team, self._keys = team, keys
        if self.instance.pk is not None:
            del self.fields["binds"]
            return
        field: Any = self.fields["binds"]
        field.choices = [(EACH_MEMBER, f"each member of {team}")]
        if keys:
            field.choices += [("Keys", [(str(key.pk), owned(key)) for key in keys.values()])]

    def whom(self, data: dict[str, Any]) -> dict[str, Any]:
        """Takes what was chosen: leads may change it from then on."""
        if self.instance.pk is not None:
            return {self.instance.whom: getattr(self.instance, self.instance.whom)}
        chosen = data.get("binds")
        if chosen is None:
            return {}
        name, bound = ("members_of", self._team) if chosen == EACH_MEMBER else ("key", self._keys[int(chosen)])
        setattr(self.instance, name, bound)
        self.instance.leads_may_change = True
        return {name: bound}

    def taken(self, other: Allowance) -> str:
        """Names whom to ask where leads may not change the other one."""
        if other.leads_may_change:
            return super().taken(other)
        return f"An administrator of this gateway has set a {self.called} of this kind. Ask them to change it."


class RateLimitForm(InTeam, allowance_forms.RateLimitForm):
    """A limit."""

    field_order = ("binds", "measure", "per", "most")

    class Meta(allowance_forms.RateLimitForm.Meta):
        widgets = {
            "measure": UnfoldAdminSelectWidget(),
            "per": UnfoldAdminSelectWidget(),
            "most": UnfoldAdminBigIntegerFieldWidget(attrs={"inputmode": "numeric", "min": "1"}),
        }
        help_texts = {
            "measure": allowance_forms.RateLimitForm.Meta.help_texts["measure"],
            "per": "A minute refills steadily. A day begins at midnight of the team's time zone.",
        }


class BudgetForm(InTeam, allowance_forms.BudgetForm):
    """A budget. Of one that was used only the amount and its switches are asked for."""

    field_order = ("binds", "amount", "period", "week_starts", "model_names", "hard", "enabled")

    class Meta(allowance_forms.BudgetForm.Meta):
        widgets = {
            "amount": UnfoldAdminDecimalFieldWidget(attrs={"step": "0.01", "inputmode": "decimal"}),
            "period": UnfoldAdminSelectWidget(),
            "week_starts": UnfoldAdminSelectWidget(),
            "model_names": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "hard": UnfoldBooleanWidget(),
            "enabled": UnfoldBooleanWidget(),
        }
        help_texts = {"period": "It begins in the time zone of the team."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_used = self.instance.pk is not None and definitions.is_used(self.instance.pk)
        for name in definitions.KEPT if self.is_used else ():
            self.fields.pop(name, None)

    def clean(self) -> dict[str, Any]:
        """Rejects more than the team itself has, and more budgets than anybody needs."""
        data = super().clean()
        if self.instance.pk is None and self.instance.whom and (many := self._too_many()):
            self.add_error("binds", many)
        amount, period = data.get("amount"), data.get("period", self.instance.period)
        is_new = bool({"amount", "period"} & set(self.changed_data))
        if amount is not None and is_new and (above := increases.above_team(self._team.pk, period, amount)):
            self.add_error("amount", f"{above} Choose no more than that, or ask an administrator of this gateway.")
        return data

    def clean_model_names(self) -> str:
        """Rejects a long list."""
        names = super().clean_model_names()
        if len(names.split()) > MOST_MODELS:
            raise ValidationError(f"Write at most {MOST_MODELS} names. A pattern stands for several.")
        return names

    def _too_many(self) -> str:
        """Returns why another budget is too many, and what to do; nothing where it is not."""
        of_leads, whom = Budget.objects.filter(leads_may_change=True), self.instance.whom
        for most, where, bound in (
            (MOST_OF_ONE, Q(**{whom: getattr(self.instance, whom)}), self.instance.bound),
            (MOST_IN_TEAM, Q(members_of=self._team) | Q(key__team=self._team), f"inside {self._team}"),
        ):
            if (found := of_leads.filter(where).count()) >= most:
                return f"There are {found} budgets {bound}. At most {most} may be set: remove one."
        return ""
