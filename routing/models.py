"""Routes, candidates, what leads to a route (aliases, scenarios, rules, concepts), revisions and circuit states."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from access.models import Team
from providers.models import Model
from routing.loading.signals import Signal as Signal
from routing.validation import validate_conditions


class Route(models.Model):
    """The name a client puts in `model`, the models that may answer for it, and how they are tried."""

    class Order(models.TextChoices):
        """How the candidates of a request are put in order."""

        SEQUENCE = "sequence", "in sequence"
        WEIGHTED = "weighted", "random, by weight"
        CHEAPEST = "cheapest", "the cheapest first"
        FASTEST = "fastest", "the fastest to its first token first"
        LEAST_BUSY = "least_busy", "the least busy first"

    class Answer(models.TextChoices):
        """Which model name an answer has."""

        ASKED = "asked", "the name that the client asked for"
        REAL = "real", "the name of the model that answered"

    name = models.CharField(
        max_length=160,
        unique=True,
        validators=[RegexValidator(r"^[^\s\x00-\x1f]+$", "A route's name has no spaces.")],
        help_text="What clients put in `model`, such as claude-sonnet-5-5.",
    )
    display_name = models.CharField(max_length=160, blank=True, help_text="Shown in model lists. Empty: the name.")
    is_default = models.BooleanField(
        "default",
        default=False,
        help_text="Answers every model name that no route has. At most one route is the default; "
        "with none, an unknown name gets a 404 that lists the routes.",
    )
    enabled = models.BooleanField(default=True)
    yields = models.BooleanField(
        "yields to rules",
        default=False,
        help_text="On: rules, scenarios and concepts may send a request that names this route elsewhere. "
        "Off: every request that names this route gets it.",
    )
    order = models.CharField(max_length=12, choices=Order.choices, default=Order.SEQUENCE)
    sticky = models.BooleanField(
        default=False,
        help_text="On: a session stays with one candidate while that is available, which keeps its prompt cache warm.",
    )
    attempts = models.PositiveSmallIntegerField(
        "maximum attempts", default=4, validators=[MinValueValidator(1)], help_text="Per request, over all candidates."
    )
    retries = models.PositiveSmallIntegerField(
        default=0, help_text="How often a candidate is retried, after a short wait, before the next one is tried."
    )
    deadline = models.FloatField(
        default=0,
        validators=[MinValueValidator(0)],
        help_text="Seconds for all attempts of a request together. 0: no limit.",
    )
    continues = models.BooleanField(
        default=False,
        help_text="On: when an answer breaks off within its text, the next candidate continues it.",
    )
    hedges = models.BooleanField(
        default=False,
        help_text="On: when a candidate takes longer than usual to begin, the next one is called in parallel.",
    )
    answers_as = models.CharField("model in the answer", max_length=5, choices=Answer.choices, default=Answer.ASKED)
    notes = models.TextField(blank=True, help_text="For administrators only.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="routing_route_one_default",
                violation_error_message="Another route is the default already: switch it off there first.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Candidate(models.Model):
    """A model that a route may use."""

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="candidates")
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="candidates")
    position = models.PositiveSmallIntegerField(default=0, help_text="The lowest is tried first.")
    weight = models.PositiveSmallIntegerField(
        default=1, help_text="Its share when the order is random, and of the sessions when the route is sticky."
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["route__name", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["route", "model"], name="routing_candidate_unique_model")]

    def __str__(self) -> str:
        return f"{self.route} → {self.model}"


class Alias(models.Model):
    """Another name, or a pattern of names, for a route or for one model at one provider. The first match is used."""

    pattern = models.CharField(
        max_length=160,
        unique=True,
        help_text="A name that clients put in `model`; * stands for any characters, case is ignored.",
    )
    target = models.CharField(
        max_length=240, help_text="A route's name, or provider:model, such as openrouter:anthropic/claude-sonnet-5.5."
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="The lowest is compared first.")
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return f"{self.pattern} → {self.target}"


class ScenarioRoute(models.Model):
    """Where requests of one scenario go, for every team or for one."""

    class Scenario(models.TextChoices):
        """In the order in which they are checked."""

        IMAGE = "image", "image: there is an image anywhere"
        WEB_SEARCH = "web_search", "web search: a web search tool is offered"
        LONG_CONTEXT = "long_context", "long context: the prompt is long"
        SUBAGENT = "subagent", "subagent: a subagent sends the request"
        BACKGROUND = "background", "background: a small model is asked for"
        THINK = "think", "think: thinking is switched on"
        PLAN = "plan", "plan: the user asks to plan and to implement"
        DEFAULT = "default", "default: everything else"

    scenario = models.CharField(max_length=14, choices=Scenario.choices)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, help_text="Empty: every team without a route of its own."
    )
    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="scenarios")
    threshold = models.PositiveIntegerField(
        null=True, blank=True, help_text="For long context: the minimum number of tokens. Empty: 60,000."
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["scenario", "team__name"]
        verbose_name = "scenario"
        constraints = [
            models.UniqueConstraint(fields=["scenario", "team"], name="routing_scenario_once_a_team"),
            models.UniqueConstraint(
                fields=["scenario"], condition=Q(team=None), name="routing_scenario_once_for_everybody"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scenario} → {self.route}"


class Rule(models.Model):
    """Conditions, and the route or the scenario of requests that meet them. The highest priority is tested first."""

    class Match(models.TextChoices):
        """How many of the conditions must hold."""

        ALL = "all", "all conditions"
        ANY = "any", "any condition"

    name = models.CharField(max_length=120, unique=True, help_text="Shown on usage rows: say what the rule is for.")
    priority = models.IntegerField(default=0, help_text="The highest is tested first; equal ones by name.")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, help_text="Empty: every team.")
    match = models.CharField(max_length=3, choices=Match.choices, default=Match.ALL)
    conditions = models.JSONField(
        default=list, validators=[validate_conditions], help_text="A list of conditions; an empty list always holds."
    )
    route = models.ForeignKey(Route, null=True, blank=True, on_delete=models.CASCADE, related_name="rules")
    scenario = models.CharField(
        max_length=14,
        blank=True,
        choices=ScenarioRoute.Scenario.choices,
        help_text="Instead of a route: this scenario's route.",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["-priority", "name"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(route=None) & ~Q(scenario="")) | (Q(route__isnull=False) & Q(scenario="")),
                name="routing_rule_one_target",
                violation_error_message="Choose a route or a scenario, and not both.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Concept(models.Model):
    """Words in the user's message that lead to a route."""

    name = models.CharField(max_length=120, unique=True, help_text="The name is searched for, too.")
    synonyms = models.TextField(blank=True, help_text="Further words and phrases, separated by commas.")
    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="concepts")
    priority = models.PositiveSmallIntegerField(
        default=50, validators=[MaxValueValidator(100)], help_text="0 to 100: the highest that is found is used."
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["-priority", "name"]

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """A counter per scope that database triggers increment on every write of configuration."""

    class Scope(models.TextChoices):
        """Client keys reload without the rest."""

        ACCESS = "access"
        ROUTING = "routing"

    scope = models.CharField(max_length=10, primary_key=True, choices=Scope.choices)
    number = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["scope"]

    def __str__(self) -> str:
        return f"{self.scope} {self.number}"


class HealthState(models.Model):
    """The latest state of one circuit, which the workers share. Written by routing.health.sharing only."""

    class State(models.TextChoices):
        """An open circuit ends with a probe, a pause by itself."""

        CLOSED = "closed", "closed"
        OPEN = "open", "open"
        HALF_OPEN = "half_open", "being probed"
        PAUSED = "paused", "paused"

    key = models.CharField(max_length=60, primary_key=True)
    state = models.CharField(max_length=9, choices=State.choices)
    since = models.DateTimeField(help_text="When it entered this state.")
    until = models.DateTimeField(help_text="No attempt is made before this.")
    seconds = models.FloatField(default=0, help_text="How long it was opened for.")
    failures = models.PositiveIntegerField(default=0, help_text="Consecutive failures up to then.")
    openings = models.PositiveIntegerField(default=0, help_text="How often it opened since the last success.")
    cause = models.CharField(max_length=40, blank=True)
    only_for = models.CharField(
        max_length=300, blank=True, default="", help_text="Client keys, and request bodies, it is open for; empty: all."
    )
    probed_by = models.BigIntegerField(
        default=0, help_text="The client key whose probe failed; another may probe at once."
    )
    changed_at = models.DateTimeField(db_index=True)
    changed_by = models.CharField(max_length=120, help_text="The worker that changed it, or the user who reset it.")

    class Meta:
        ordering = ["key"]
        verbose_name = "health state"

    def __str__(self) -> str:
        return f"{self.key} {self.state}"
