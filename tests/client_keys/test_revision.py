"""What moves the revision of the configuration: of a person, the name and whether they are active, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from access.models import Membership, Team
from routing.loading.revision import install_triggers, numbers
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.both_databases


def _moves(change: Callable[[], object]) -> bool:
    before = numbers()
    change()
    after = numbers()
    assert after["routing"] == before["routing"]
    return after["access"] != before["access"]


@pytest.mark.django_db
def test_only_what_decides_about_a_person_moves_it() -> None:
    mia = User.objects.create_user("mia", password="a password of mia's")
    people = User.objects.filter(pk=mia.pk)
    deciding: list[Callable[[], object]] = [
        lambda: people.update(is_active=False),
        lambda: people.update(is_active=True, first_name="Mia"),
        lambda: people.update(username="mia2"),
        lambda: Membership.objects.create(user=mia, team=Team.objects.create(name="red")),
        lambda: Membership.objects.update(role="lead"),
        lambda: Membership.objects.all().delete(),
    ]
    for change in deciding:
        assert _moves(change)
    mia.refresh_from_db()
    others: list[Callable[[], object]] = [
        lambda: people.update(last_login=timezone.now(), email="mia@example.com", is_staff=True),
        lambda: people.update(is_active=True, username="mia2"),
        mia.save,
        lambda: mia.set_password("another"),
        lambda: User.objects.create_user("leo"),
        install_triggers,
    ]
    for change in others:
        assert not _moves(change)
    assert _moves(mia.delete)


@pytest.mark.django_db
def test_triggers_of_another_version_are_replaced() -> None:
    mia = User.objects.create_user("mia")
    table = User._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for trigger, verb in ((f"revision_{table}_update", "UPDATE"), ("revision_access_team_insert", "INSERT")):
                on = table if verb == "UPDATE" else "access_team"
                cursor.execute(f"DROP TRIGGER {trigger}")
                cursor.execute(f"CREATE TRIGGER {trigger} AFTER {verb} ON {on} WHEN 0 BEGIN SELECT 1; END")
        else:
            cursor.execute(
                f"CREATE OR REPLACE TRIGGER revision_{table}_update AFTER UPDATE ON {table} FOR EACH ROW "
                "WHEN (false) EXECUTE FUNCTION revision_bump_access()"
            )

    def disable() -> None:
        User.objects.filter(pk=mia.pk).update(is_active=False)

    assert not _moves(disable)
    User.objects.filter(pk=mia.pk).update(is_active=True)
    install_triggers()
    assert _moves(disable)
    assert _moves(lambda: Team.objects.create(name="red"))


@pytest.mark.django_db
def test_a_hundred_logins_leave_it_unmoved() -> None:
    mia = User.objects.create_user("mia")

    def sign_in() -> None:
        for _ in range(100):
            Browser().force_login(mia)

    assert not _moves(sign_in)
    mia.refresh_from_db()
    assert mia.last_login is not None


def test_a_thousand_requests_leave_it_unmoved(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    body = message(standing.routes["openai_chat"].name, upstream.script(speak.chat_answer("yes")).prompt)

    def ask() -> None:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: client.post(body), range(1000)))
        assert {answer.status for answer in answers} == {200}
        for answer in answers[-8:]:
            orm.request(answer.headers["request-id"])

    assert not _moves(ask)
