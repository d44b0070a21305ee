"""Routes and candidates as rows, and the revision that every worker watches."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from providers.models import Model


class Route(models.Model):
    """The name a client puts in `model`, and the models that may answer for it."""

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
    """A model that a route may use; tried in the order of `position`."""

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="candidates")
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="candidates")
    position = models.PositiveSmallIntegerField(default=0, help_text="The lowest is tried first.")
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["route__name", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["route", "model"], name="routing_candidate_unique_model")]

    def __str__(self) -> str:
        return f"{self.route} → {self.model}"


class Revision(models.Model):
    """A counter per scope that database triggers raise on every write of configuration, whoever writes it."""

    class Scope(models.TextChoices):
        """Keys reload without rules."""

        ACCESS = "access"
        ROUTING = "routing"

    scope = models.CharField(max_length=10, primary_key=True, choices=Scope.choices)
    number = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["scope"]

    def __str__(self) -> str:
        return f"{self.scope} {self.number}"
