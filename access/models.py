"""Teams, their members, site roles, invitations and client keys. Usage rows hold no references to them, so deleting one
changes no history."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinLengthValidator
from django.db import models
from django.utils import timezone

from access.allowances.models import Budget as Budget
from access.allowances.models import IncreaseRequest as IncreaseRequest
from access.allowances.models import RateLimit as RateLimit
from access.audit.models import AuditEntry as AuditEntry
from access.audit.models import AuditHead as AuditHead
from access.outbox.models import Alert as Alert
from access.outbox.models import Lease as Lease
from access.outbox.models import OutboxMessage as OutboxMessage
from access.outbox.models import Webhook as Webhook
from access.report_tokens.models import ReportToken as ReportToken
from access.validation import validate_networks, validate_routes, validate_tags, validate_time_zone, validate_year


class Team(models.Model):
    """People who share client keys and a line in each report."""

    name = models.CharField(max_length=80, unique=True, help_text="Shown in reports and usage rows.")
    enabled = models.BooleanField(default=True, help_text="Off: all keys of the team are rejected with 403.")
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        # Workers of an earlier version, which do not know the column, make teams too.
        db_default="",
        validators=[validate_time_zone],
        help_text="Where the days, weeks and months of the team's budgets and limits begin, such as Europe/Berlin. "
        "Empty: the gateway's TIME_ZONE.",
    )
    cost_centre = models.CharField(
        max_length=80,
        blank=True,
        default="",
        db_default="",
        help_text="Whom the team's usage is charged to, such as CC-4711. On its statements.",
    )
    contact = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Who is asked about the team's statements: a name, an address or a ticket queue.",
    )
    notes = models.TextField(blank=True, help_text="For administrators only.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        permissions = [("use_playground", "Can send requests from the playground at a team's cost")]

    def __str__(self) -> str:
        return self.name


class SiteRole(models.Model):
    """A role for the whole site. Owners have none here: they are Django's superusers."""

    class Role(models.TextChoices):
        ADMINISTRATOR = "administrator"
        AUDITOR = "auditor"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="site_role")
    role = models.CharField(max_length=16, choices=Role.choices)

    def __str__(self) -> str:
        return f"{self.user}: {self.role}"


class Membership(models.Model):
    """A person in a team, as a member or as one of its leads."""

    class Role(models.TextChoices):
        LEAD = "lead"
        MEMBER = "member"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(
        max_length=8,
        choices=Role.choices,
        default=Role.MEMBER,
        help_text="A lead manages members and keys and sees the team's usage. A member has keys and sees their own.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["team__name", "user__username"]
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="access_membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class Invitation(models.Model):
    """A one-time link that makes somebody a member of a team. Only the hash of its token is stored."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=8, choices=Membership.Role.choices, default=Membership.Role.MEMBER)
    email = models.EmailField(blank=True, help_text="Where the link is sent. Empty: copy it.")
    hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the link's token.")
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.email or 'a link'} to {self.team}"


class ClientKey(models.Model):
    """The token a caller presents. Only its hash is stored: the secret is shown once, when the key is created.

    A key without an owner is a service key: it is the team's.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="keys")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="client_keys",
        help_text="A member of the team: the key ends when they leave it. Empty: a service key, which is the team's.",
    )
    name = models.CharField(max_length=80, help_text="Who or what uses the key, such as 'Mia's laptop' or 'CI'.")
    prefix = models.CharField(max_length=16, editable=False, help_text="The first characters, to identify the key.")
    hash = models.CharField(
        max_length=64, unique=True, editable=False, validators=[MinLengthValidator(64)], help_text="SHA-256 of the key."
    )
    allowed_routes = models.TextField(
        blank=True,
        validators=[validate_routes],
        help_text="Route names that this key may use, one per line; * matches any characters. Empty: all routes.",
    )
    tags = models.CharField(
        max_length=200,
        blank=True,
        validators=[validate_tags],
        help_text="Tags that rules can match, separated by commas, such as ci, trial.",
    )
    client_tags = models.CharField(
        max_length=200,
        blank=True,
        validators=[validate_tags],
        help_text="Tags that clients may add in the header x-gateway-tags: names, where * matches any characters, "
        "separated by commas, such as project-*. Empty: none.",
    )
    client_tags_count = models.BooleanField(
        "client tags count as tags",
        default=False,
        help_text="On: rules see the tags that clients add. Off: they are in usage rows alone, marked as claims.",
    )
    allowed_networks = models.TextField(
        blank=True,
        validators=[validate_networks],
        help_text="Addresses and networks that the key is accepted from, one per line, such as 10.0.0.0/8. Empty: all.",
    )
    shows_routing = models.BooleanField(
        "may see routing", default=False, help_text="On: response headers name the chosen route and model."
    )
    expires_at = models.DateTimeField(
        null=True,
        blank=True,
        validators=[validate_year],
        help_text="From then on the key is rejected. Empty: it never expires.",
    )
    imported_from = models.CharField(
        max_length=40,
        blank=True,
        editable=False,
        help_text="The gateway that made the secret, which may look like any.",
    )
    imported_hash = models.CharField(
        max_length=64,
        null=True,
        unique=True,
        editable=False,
        help_text="SHA-256 of the secret that was imported. No rotation clears it: it never becomes a key again.",
    )
    disabled_at = models.DateTimeField(null=True, blank=True, editable=False, validators=[validate_year])
    disabled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        # Workers of an earlier version, which do not know the column, delete users too.
        db_constraint=False,
        related_name="+",
        editable=False,
        help_text="Empty for what an import or an earlier version disabled: a member does not enable it.",
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False, validators=[validate_year])
    previous_prefix = models.CharField(max_length=16, blank=True, editable=False)
    previous_hash = models.CharField(
        max_length=64, null=True, unique=True, editable=False, help_text="SHA-256 of the secret before the rotation."
    )
    previous_until = models.DateTimeField(
        null=True,
        editable=False,
        validators=[validate_year],
        help_text="Until then the secret before the rotation is accepted as well.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["team__name", "name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="access_clientkey_unique_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class SignInLimit(models.Model):
    """How much of one limit on sign-ins is used up, or that an address is known for an account.

    The key is a keyed hash, so that a row names neither an account nor an address. A row whose time has passed means
    nothing. `access.sign_in.throttle` reads and writes them.
    """

    key = models.CharField(primary_key=True, max_length=64)
    until = models.FloatField(db_index=True, help_text="POSIX seconds.")

    class Meta:
        default_permissions = ()
