"""Views of the explorer that somebody saved."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class SavedView(models.Model):
    """A question as the explorer's URL has it: a range that has a name stays relative. Whoever of its team may see the
    explorer sees it too."""

    name = models.CharField(max_length=80)
    query = models.TextField(help_text="The query of the explorer's URL, which begins with a question mark.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    team = models.ForeignKey(
        "access.Team", on_delete=models.SET_NULL, null=True, blank=True, related_name="saved_views",
        help_text="Who sees it beside its owner. Empty: nobody.",
    )  # fmt: skip
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("add", "change", "delete")
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="usage_view_once")]

    def __str__(self) -> str:
        return self.name
