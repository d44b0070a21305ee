"""What budgets have spent and what workers have drawn of them. No row refers to a definition: history survives its
deletion."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from usage.budgets.periods import NEVER
from usage.money import DollarsField


class BudgetWindow(models.Model):
    """One budget, for one person where it is each member's, from `starts_at` until it resets.

    Of `key_id`, `owner_id` and `team_id` those are set that a usage row must have to count. `spent` is the sum of the
    costs of those rows and of what is `pruned`; `drawn` is the sum of the blocks that workers hold; `raised` is what
    was added to the amount for this window alone.
    """

    budget_id = models.BigIntegerField()
    subject = models.BigIntegerField(default=0, help_text="The user of each member's budget, 0 of others.")
    starts_at = models.DateTimeField(help_text="Requests count that began from then on.")
    resets_at = models.DateTimeField(help_text="Requests count that began before. Year 9999: never.")
    key_id = models.BigIntegerField(null=True)
    owner_id = models.BigIntegerField(null=True)
    team_id = models.BigIntegerField(null=True)
    model_names = models.TextField(blank=True)
    amount = DollarsField(help_text="The budget's amount when it was last drawn from.")
    raised = DollarsField(default=0)
    spent = DollarsField(default=0)
    drawn = DollarsField(default=0)
    wanted_until = models.DateTimeField(
        null=True, help_text="Until then a request waits for money that workers hold: what they do not need goes back."
    )
    pruned = DollarsField(
        default=0, help_text="The part of what is spent that has no rows: they are removed, or were rejected."
    )
    corrections = models.IntegerField(
        default=0, db_default=0, help_text="How often its sums were made anew: who corrects them looks at that."
    )
    pruned_until = models.DateTimeField(null=True, help_text="The rows of before are removed.")

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["budget_id", "subject", "resets_at"], name="usage_budgetwindow_once")
        ]
        indexes = [
            models.Index(fields=["key_id", "resets_at"], name="usage_window_key"),
            models.Index(fields=["owner_id", "resets_at"], name="usage_window_owner"),
            models.Index(fields=["team_id", "resets_at"], name="usage_window_team"),
            models.Index(fields=["resets_at"], name="usage_window_resets"),
        ]

    @property
    def limit(self) -> Decimal:
        """What might be spent in it when it was last drawn from."""
        limit: Decimal = self.amount + self.raised
        return limit

    @property
    def never_resets(self) -> bool:
        """Whether it is that of a budget in total."""
        return self.resets_at.timestamp() >= NEVER

    def __str__(self) -> str:
        until = "for ever" if self.never_resets else f"until {self.resets_at:%Y-%m-%d %H:%M}"
        return f"budget {self.budget_id} {until}"


class BudgetBlock(models.Model):
    """What one worker has drawn of one window and its rows have not spent.

    `uncertain`: requests went upstream that the worker's journal does not know, so that what is left of the block of a
    dead worker may be spent. `settled_at`: since then the worker is taken for dead. `draw_id` may be that of a return.
    """

    window = models.ForeignKey(BudgetWindow, on_delete=models.CASCADE, related_name="blocks")
    worker = models.CharField(max_length=80, help_text="The folder of the worker's journal.")
    amount = DollarsField(default=0)
    heartbeat = models.DateTimeField()
    uncertain = models.BooleanField(default=False)
    settled_at = models.DateTimeField(null=True)
    draw_id = models.BigIntegerField(null=True, help_text="The last draw: one whose commit was lost is made once.")

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["window", "worker"], name="usage_budgetblock_once")]
        indexes = [models.Index(fields=["worker"], name="usage_block_worker")]

    def __str__(self) -> str:
        return f"{self.worker} in window {self.window_id}"


class BudgetMark(models.Model):
    """A key whose answer was ended for a window: it is refused until the window resets, `limit` is raised, or `needed`
    is free."""

    window = models.ForeignKey(BudgetWindow, on_delete=models.CASCADE, related_name="marks")
    key_id = models.BigIntegerField()
    needed = DollarsField(help_text="What must be free in the window.")
    limit = DollarsField(help_text="The window's amount, raise included, when the answer was ended.")
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["window", "key_id"], name="usage_budgetmark_once")]

    def __str__(self) -> str:
        return f"key {self.key_id} in window {self.window_id}"
