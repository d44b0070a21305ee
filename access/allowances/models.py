"""The definitions of limits and budgets. Whom one binds is exactly one of a key, a user, a team, or each member of a
team."""

from __future__ import annotations

import re
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from access.validation import validate_routes

WHOM = ("key", "user", "team", "members_of")
"""The fields of which exactly one is set."""


ONE_WHOM = "Choose exactly one of key, user, team and members of a team."

OF_LEADS = ("key", "members_of")
"""Those of WHOM for which leads may set an allowance: what is inside of their team."""

NOT_OF_LEADS = (
    "Leads change only what binds a key or each member of their team: what a team may use is given to it, and what a "
    "person may use is the same in all teams."
)

MOST_DOLLARS = 4_000_000
"""The largest budget: what is spent of it and what is raised fit into a column of pico-dollars."""


def _exactly_one() -> models.Q:
    made = models.Q()
    for one in WHOM:
        made |= models.Q(**{f"{other}__isnull": other != one for other in WHOM})
    return made


def _inside_a_team() -> models.Q:
    """What leads may change binds one of OF_LEADS."""
    nobody_else = {f"{whom}__isnull": True for whom in WHOM if whom not in OF_LEADS}
    return models.Q(leads_may_change=False) | models.Q(**nobody_else)


class Allowance(models.Model):
    """Whom a limit or a budget binds."""

    key = models.ForeignKey(
        "access.ClientKey", null=True, blank=True, on_delete=models.CASCADE, help_text="Binds one client key."
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Binds all keys of one person together, in all teams.",
    )
    team = models.ForeignKey(
        "access.Team",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        help_text="Binds all keys of one team together: a shared pool.",
    )
    members_of = models.ForeignKey(
        "access.Team",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Binds each member of one team, each for their own keys in it. Service keys are not bound. "
        "A person's own of the same kind replaces it.",
    )
    leads_may_change = models.BooleanField(
        default=False,
        db_default=False,
        help_text="On: leads of the team may change and remove it, as what they set themselves. Off: they see it. "
        "For a key and for each member of a team alone.",
    )

    class Meta:
        abstract = True

    @property
    def whom(self) -> str:
        """Returns which of WHOM is set."""
        return next((name for name in WHOM if getattr(self, f"{name}_id") is not None), "")

    @property
    def bound(self) -> str:
        """Whom it binds, in words."""
        return {
            "key": f"of the key {self.key}",
            "user": f"of {self.user}",
            "team": f"of the team {self.team}",
            "members_of": f"of each member of {self.members_of}",
        }.get(self.whom, "of nobody")


def amount_of(most: int, measure: str, per: str) -> str:
    """Returns how much of what in words: `60 requests a minute`, `4 requests at the same time`."""
    name = dict(RateLimit.Measure.choices).get(measure, measure)
    if most == 1:
        name = _PLURAL.sub("", name)
    if per == RateLimit.Per.ONCE:
        return f"{most:,} {name}"
    return f"{most:,} {name} {dict(RateLimit.Per.choices).get(per, per)}"


_PLURAL = re.compile(r"s(?= at |$)")


class RateLimit(Allowance):
    """How many requests or tokens in a minute or a day, or how many streams at the same time."""

    class Measure(models.TextChoices):
        REQUESTS = "requests", "requests"
        INPUT_TOKENS = "input_tokens", "input tokens"
        OUTPUT_TOKENS = "output_tokens", "output tokens"
        STREAMS = "streams", "requests at the same time"
        COUNT_TOKENS = "count_tokens", "token counts"
        MODELS = "models", "model lists"

    class Per(models.TextChoices):
        MINUTE = "minute", "a minute"
        DAY = "day", "a day"
        ONCE = "once", "at the same time"

    measure = models.CharField(max_length=16, choices=Measure.choices)
    per = models.CharField(max_length=8, choices=Per.choices, default=Per.MINUTE)
    most = models.PositiveBigIntegerField(validators=[MinValueValidator(1)], help_text="The most that is allowed.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=_exactly_one(), name="access_ratelimit_one_whom", violation_error_message=ONE_WHOM
            ),
            models.CheckConstraint(
                condition=_inside_a_team(), name="access_ratelimit_of_leads", violation_error_message=NOT_OF_LEADS
            ),
            # One of each kind for each: a second would only confuse, and a file says which it means by measure and per.
            *(
                models.UniqueConstraint(
                    fields=[whom, "measure", "per"],
                    name=f"access_ratelimit_once_{whom}",
                    violation_error_message="There is a limit of this kind already. Change that one.",
                )
                for whom in WHOM
            ),
            models.CheckConstraint(
                condition=models.Q(measure="streams", per="once")
                | (~models.Q(measure="streams") & ~models.Q(per="once")),
                name="access_ratelimit_streams_once",
                violation_error_message="Requests at the same time have no period, and all else has one.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount}, {self.bound}"

    @property
    def amount(self) -> str:
        """How much of what: `60 requests a minute`."""
        return amount_of(self.most, self.measure, self.per)


class Budget(Allowance):
    """Money over a day, a week, a month, or in total."""

    class Period(models.TextChoices):
        DAY = "day", "a day"
        WEEK = "week", "a week"
        MONTH = "month", "a month"
        TOTAL = "total", "in total"

    class Weekday(models.IntegerChoices):
        MONDAY = 0
        TUESDAY = 1
        WEDNESDAY = 2
        THURSDAY = 3
        FRIDAY = 4
        SATURDAY = 5
        SUNDAY = 6

    amount = models.DecimalField(
        "amount in US dollars",
        max_digits=12,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(MOST_DOLLARS)],
        help_text="What may be spent in one period.",
    )
    period = models.CharField(
        max_length=8,
        choices=Period.choices,
        default=Period.MONTH,
        help_text="It begins in the time zone of the team, that of a person's own budget in the gateway's TIME_ZONE.",
    )
    week_starts = models.PositiveSmallIntegerField(
        "week starts on", choices=Weekday.choices, default=Weekday.MONDAY, help_text="For weeks alone."
    )
    model_names = models.TextField(
        "models",
        blank=True,
        validators=[validate_routes],
        help_text="Names of providers' models that count, one per line; * matches any characters. Empty: all models.",
    )
    hard = models.BooleanField(
        default=True, help_text="On: requests beyond the amount are refused. Off: the budget only warns."
    )
    enabled = models.BooleanField(default=True, help_text="Off: nothing is refused, and nobody is warned.")
    created_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="Requests count that began from then on."
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=_exactly_one(), name="access_budget_one_whom"),
            models.CheckConstraint(
                condition=_inside_a_team(), name="access_budget_of_leads", violation_error_message=NOT_OF_LEADS
            ),
        ]

    def __str__(self) -> str:
        return f"${self.amount:,.2f} {self.get_period_display()}"


class IncreaseRequest(models.Model):
    """Somebody asks for more of a budget that binds them; a lead or an administrator approves or declines it."""

    class State(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        DECLINED = "declined"

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="increase_requests")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="increase_requests")
    team = models.ForeignKey(
        "access.Team",
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        editable=False,
        help_text="The team whose leads may decide. Empty: administrators alone.",
    )
    amount = models.DecimalField(
        "more, in US dollars", max_digits=12, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))]
    )
    reason = models.CharField(max_length=500, blank=True, help_text="What it is for.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    lasting = models.BooleanField(
        default=False, help_text="On: the budget's amount was changed. Off: only the window of that time."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        verbose_name = "request for more"
        verbose_name_plural = "requests for more"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["budget", "user"], condition=models.Q(state="open"), name="access_increaserequest_one_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: ${self.amount:,.2f} more"
