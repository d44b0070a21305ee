"""A person who is erased is named nowhere, sums stay as they were, and the chain still holds."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from access.audit import chain, record
from access.keys import new_key
from access.models import AuditEntry, Budget, ClientKey, Invitation, Membership, RateLimit, ReportToken, Team
from routing.models import HealthState
from tests.admin.history import request_row
from tests.usage.dated import request
from tests.usage.lines import journal_line
from usage.journal import replay, segments
from usage.journal.records import RequestRecord, complete
from usage.journal.segments import Entry
from usage.journal.writer import Writer
from usage.models import RequestLog, SetAside
from usage.rollups import months
from usage.rollups.models import DailyRollup, MonthRollup, RollupZone, UsageRollup

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

NAMES = ("miaiam", "mia.former", "mia@corp.example", "mia@home.example", "Mía", "Fluffy", "203.0.113.7")
"""What they are called and were, an address where they were invited, what a key of theirs is called, their address."""


@pytest.fixture
def mia() -> User:
    """A person with a history: another name before, a membership, keys, usage, sign-ins from an address, an invitation,
    pages that were filled in about them."""
    owner = User.objects.create_superuser("root", password="a password")
    mia = User.objects.create_user(
        "mia.former", email="mia@corp.example", password="correct-horse", is_staff=True, first_name="Mía",
        last_name="Iam",
    )  # fmt: skip
    mia.username = "miaiam"
    mia.save()
    team = Team.objects.create(name="Search")
    Team.objects.create(name="Gone", notes="asked for by MIA@corp.example").delete()
    Membership.objects.create(team=team, user=mia)
    for name, key_owner in (("miaiam's laptop", mia), ("Fluffy", mia), ("CI", owner), ("MIAIAM's old", mia)):
        _key(team, key_owner, name)
    ClientKey.objects.filter(name="MIAIAM's old").update(owner=None)
    fluffy = ClientKey.objects.get(name="Fluffy")
    binding = [
        RateLimit.objects.create(key=fluffy, measure="requests", most=60),
        RateLimit.objects.create(user=mia, measure="requests", most=60),
        Budget.objects.create(key=fluffy, amount=5),
        Budget.objects.create(user=mia, amount=5),
    ]
    token = ReportToken.objects.create(name="miaiam's sheet", prefix="rpt-abcd", hash="0" * 64, created_by=mia)
    _note(owner, token, *binding)
    soon = timezone.now() + timedelta(days=1)
    invitation = Invitation.objects.create(team=team, email="mia@home.example", hash="0" * 64, expires_at=soon)
    Invitation.objects.filter(pk=invitation.pk).update(accepted_by=mia, accepted_at=timezone.now())
    browser = Client(REMOTE_ADDR="203.0.113.7")
    browser.post("/admin/login/", {"username": "miaiam", "password": "wrong"})
    browser.post("/admin/login/", {"username": "miaiam", "password": "correct-horse"})
    browser.get("/admin/")
    admin = Client()
    admin.force_login(owner)
    _note(owner, mia, team, invitation, *ClientKey.objects.all())
    HealthState.objects.create(
        key="provider 1", state="closed", since=soon, until=soon, changed_at=soon, changed_by="reset by miaiam"
    )
    request = complete(_record(mia, owner_name="miaiam", key_name="Fluffy", end_user="miaiam"))
    quoted = "Failing row contains (1, miaiam, Fluffy)."
    SetAside.objects.create(request_id="req_1", cause=quoted, payload={"request": request, "attempts": []})
    _use(mia, owner, team)
    return mia


def _key(team: Team, owner: User, name: str) -> ClientKey:
    new = new_key()
    return ClientKey.objects.create(team=team, owner=owner, name=name, prefix=new.prefix, hash=new.hash)


def _note(owner: User, *about: Any) -> None:
    """Makes the entries that Django's admin would."""
    message = [{"added": {"name": "membership", "object": "miaiam in Search"}}]
    for one in about:
        LogEntry.objects.log_actions(owner.pk, [one], 2, change_message=message)


def _record(mia: User, **fields: Any) -> RequestRecord:
    name = fields["key_name"]
    key = ClientKey.objects.get(owner=mia, name=name)
    return request(timezone.now(), **{"owner_id": mia.pk, "key_id": key.pk, "key_prefix": key.prefix, **fields})


def _use(mia: User, owner: User, team: Team) -> None:
    moment = timezone.now() - timedelta(days=1)
    laptop, fluffy, ci, old = ClientKey.objects.order_by("pk")
    for number, (whose, name, key) in enumerate(
        (
            (mia, "mia.former", laptop),
            (mia, "miaiam", laptop),
            (mia, "miaiam", fluffy),
            (None, "", laptop),
            (None, "", old),
            (owner, "somebody", ci),
        )
    ):
        request_row(
            started_at=moment, owner_id=whose and whose.pk, owner_name=name, team_id=team.pk, team_name="Search",
            key_id=key.pk, key_name=key.name, session_id=f"s{key.pk}",
            end_user="MIA@corp.example" if number == 1 else "somebody else", cost=10**9 * (number + 1),
            input_tokens=number,
        )  # fmt: skip


def _sums() -> list[Any]:
    rows = RequestLog.objects.aggregate(Sum("cost"), Sum("input_tokens"))
    quarters = UsageRollup.objects.filter(overall=False).aggregate(Sum("cost"), Sum("requests"), Sum("input_tokens"))
    days = DailyRollup.objects.filter(overall=False, keyless=False).aggregate(Sum("cost"), Sum("requests"))
    return [rows, quarters, days]


def _everything() -> str:
    """Every column of every table, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [f"{table} {row}" for row in cursor.fetchall()]
    found += [f"django_session {session.get_decoded()}" for session in Session.objects.all()]
    return "\n".join(found)


def _naming() -> list[str]:
    names = [name.casefold() for name in NAMES]
    # Of a message of Django's, which has other letters than ASCII escaped.
    names += [json.dumps(name)[1:-1].casefold() for name in NAMES]
    return [line for line in _everything().splitlines() if any(name in line.casefold() for name in names)]


def test_nothing_names_an_erased_person(mia: User) -> None:
    before = _sums()
    assert all(name in _everything() for name in NAMES)
    call_command("erase_person", "miaiam")
    assert _naming() == []
    allowed = f"deleted user {mia.pk}"
    assert _sums() == before
    assert set(RequestLog.objects.values_list("owner_name", flat=True)) == {allowed, "somebody", ""}
    assert RequestLog.objects.filter(end_user=allowed).count() == 1
    assert RequestLog.objects.filter(key_name="CI", end_user="somebody else").count() == 1
    assert ClientKey.objects.filter(name="CI").exists()
    # They know the secret of the token that they made.
    assert ReportToken.objects.get().enabled is False
    call_command("rebuild_rollups", check=True)
    call_command("audit", "--verify")
    # Two names of one person are one cell now.
    key = ClientKey.objects.filter(owner=mia).earliest("pk")
    cell = UsageRollup.objects.get(owner_id=mia.pk, key_id=key.pk)
    assert (cell.requests, cell.key_name) == (2, f"key {key.pk} of {allowed}")
    (entry,) = LogEntry.objects.filter(object_id=str(mia.pk), content_type__model="user")
    assert entry.object_repr == allowed


def test_months_forget_an_erased_person(mia: User) -> None:
    RollupZone.objects.update_or_create(id=1, defaults={"name": "UTC"})
    moment = timezone.now().replace(day=1) - timedelta(days=3)
    request_row(started_at=moment, owner_id=mia.pk, owner_name="miaiam", key_name="Fluffy", cost=10**9)
    month = moment.date().replace(day=1)
    assert months.build(month)
    assert MonthRollup.objects.filter(owner_name="miaiam").exists()
    call_command("erase_person", "miaiam")
    assert _naming() == []
    assert months.build(month)
    named = MonthRollup.objects.filter(owner_id=mia.pk, starts_at__date=month)
    assert {row.owner_name for row in named} == {f"deleted user {mia.pk}"}
    assert _naming() == []


def test_rows_that_arrive_after_an_erasure(mia: User, tmp_path: Path) -> None:
    """What dead workers left is replayed later: requests that began before the erasure."""
    late = [
        _record(mia, owner_name="miaiam", key_name="Fluffy", end_user="miaiam", cost=10**9),
        _record(mia, owner_name="miaiam", key_name="miaiam's laptop", session_id="s9"),
        _record(mia, owner_id=None, key_name="Fluffy"),
        _record(mia, owner_name="miaiam", key_name="Fluffy", input_tokens=2**70),
    ]
    call_command("erase_person", "miaiam")
    dead = tmp_path / "dead"
    dead.mkdir()
    (dead / segments.LOCK).touch()
    (dead / f"1{segments.SUFFIX}").write_bytes(b"".join(journal_line(Entry("end", one, [])) for one in late))
    writer = Writer(lambda account: None)
    assert replay.adopt(tmp_path, tmp_path / "none", writer.write_through, writer.return_block) == 4
    assert SetAside.objects.count() == 2
    assert {line.split()[0] for line in _naming()} >= {"usage_requestlog", "usage_setaside", "usage_usagerollup"}
    call_command("erase_person", f"deleted user {mia.pk}")
    assert _naming() == []
    call_command("rebuild_rollups", check=True)
    call_command("audit", "--verify")


def test_a_name_that_only_the_operator_knows(mia: User) -> None:
    call_command("erase_person", "miaiam")
    service = ClientKey.objects.get(name="CI")
    request_row(key_id=service.pk, key_name="CI", end_user="mia@corp.example/laptop")
    request_row(key_id=service.pk, key_name="CI", end_user="mia@corp.example.org")
    call_command("erase_person", f"deleted user {mia.pk}", "--also", "Mia@Corp.example")
    users = set(RequestLog.objects.filter(key_id=service.pk).values_list("end_user", flat=True))
    assert users == {f"deleted user {mia.pk}/laptop", "mia@corp.example.org", "somebody else"}


def test_somebody_who_has_their_former_name_keeps_it(mia: User) -> None:
    other = User.objects.create_user("mia.former", email="other@corp.example")
    Membership.objects.create(team=Team.objects.get(), user=other)
    call_command("erase_person", "miaiam")
    entry = AuditEntry.objects.get(object_type="access.membership", action="created", object_name__contains="former")
    assert entry.object_name == "mia.former: Search"
    assert '"mia.former"' not in AuditEntry.objects.filter(object_id=str(mia.pk)).latest("number").changes


@pytest.mark.parametrize("name", ["Мария", "Жанна Иванова", "李 明", "zoë"])
def test_a_name_in_any_letters_goes_after_a_pruning_of_usage(name: str) -> None:
    """An entry may say of rows how many they were: nobody is named in it."""
    person = User.objects.create_user(name, first_name=name)
    Membership.objects.create(team=Team.objects.create(name="Search"), user=person)
    counted = {"months kept": 12, "rows": 1234}
    record("usage pruned", changes=counted)
    call_command("erase_person", name)
    assert not [line for line in _everything().splitlines() if name in line or json.dumps(name)[1:-1] in line]
    assert json.loads(AuditEntry.objects.get(action="usage pruned").changes) == counted
    call_command("audit", "--verify")


def test_account_and_keys_end(mia: User) -> None:
    browser = Client()
    browser.force_login(mia)
    call_command("erase_person", "miaiam")
    mia.refresh_from_db()
    assert (mia.is_active, mia.email, mia.has_usable_password()) == (False, "", False)
    assert not ClientKey.objects.filter(owner=mia, revoked_at=None).exists()
    assert not Membership.objects.filter(user=mia).exists()
    assert browser.get("/admin/").status_code == 302


def test_what_an_erasure_leaves_is_checked(mia: User) -> None:
    call_command("erase_person", "miaiam")
    with connection.cursor() as cursor:
        postgresql = "" if connection.vendor == "sqlite" else " ON access_auditentry"
        cursor.execute(f"DROP TRIGGER audit_change{postgresql}")
        cursor.execute("UPDATE access_auditentry SET object_name = 'other' WHERE action = 'signed in'")
    with pytest.raises(CommandError, match="from which the erasure"):
        call_command("audit", "--verify")


def test_a_second_erasure_and_a_pruning(mia: User) -> None:
    call_command("erase_person", "miaiam")
    User.objects.create_user("boris", email="boris@corp.example")
    request_row(owner_id=mia.pk, owner_name="miaiam", cost=10**9)
    call_command("erase_person", f"deleted user {mia.pk}")
    call_command("erase_person", "boris")
    assert "boris" not in _everything()
    assert "miaiam" not in _everything()
    call_command("audit", "--verify")
    call_command("rebuild_rollups", check=True)


def test_the_last_owner_stays(mia: User) -> None:
    with pytest.raises(Exception, match="last owner"):
        call_command("erase_person", "root")
    assert User.objects.filter(username="root").exists()
    with pytest.raises(CommandError, match="There is no user"):
        call_command("erase_person", "nobody")


def test_old_entries_go_and_the_rest_can_be_checked(mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    number = AuditEntry.objects.count()
    call_command("erase_person", "miaiam")
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(days=100))
    Team.objects.create(name="Later")
    call_command("prune_audit", keep=1)
    left = list(AuditEntry.objects.order_by("number").values_list("action", flat=True))
    assert left == ["created", chain.PRUNED]
    assert AuditEntry.objects.earliest("number").number > number
    call_command("audit", "--verify")
    call_command("prune_audit", keep=1)
    assert AuditEntry.objects.count() == 2
    for keep in (0, 30_000):
        with pytest.raises(CommandError, match="keep"):
            call_command("prune_audit", keep=keep)
