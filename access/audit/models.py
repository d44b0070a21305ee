"""The entries of the audit, and the one row that writers lock to append the next."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """Something that was done. Triggers refuse to change or delete it, but through `access.audit.gate`.

    `hash` covers the hash of the entry before, so that none can be changed, left out or put between others. What names
    a person is covered by `personal_digest` alone, which is salted: when the person is erased the salt goes with the
    name, and the chain is still whole.
    """

    number = models.PositiveBigIntegerField(primary_key=True, help_text="Without gaps, in the order of writing.")
    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=40, db_index=True)
    person_id = models.BigIntegerField("person's number", null=True, help_text="The user's id, also after deletion.")
    person_name = models.CharField("person", max_length=150, blank=True, help_text="The name at that time.")
    address = models.CharField(max_length=64, blank=True, help_text="Of the client, behind trusted proxies.")
    origin = models.CharField(max_length=120, help_text="The page or the command.")
    object_type = models.CharField("kind of object", max_length=60, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_name = models.CharField("object", max_length=250, blank=True, help_text="Its name at that time.")
    changes = models.TextField(blank=True, help_text="JSON: field -> [before, after], or what the event knows.")
    salt = models.CharField(max_length=32, blank=True)
    personal_digest = models.CharField(max_length=64)
    erased_by = models.PositiveBigIntegerField(
        null=True, help_text="The entry of the erasure that replaced what names a person."
    )
    previous = models.CharField(max_length=64, help_text="The hash of the entry before.")
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ("view",)
        ordering = ["-number"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["object_type", "object_id", "-number"], name="access_audit_object"),
            models.Index(fields=["person_id", "-number"], name="access_audit_person"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.action} {self.object_name}".rstrip()


class AuditHead(models.Model):
    """The last entry's number and hash: one row, locked by whoever appends."""

    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)
    open = models.BooleanField(
        default=False, help_text="On within a transaction of the gate alone: entries may be changed and deleted."
    )

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.number} {self.hash}"
