"""Guessing passwords: it has limits in all workers together, costs little, and locks nobody out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from access.models import SignInLimit
from tests.attack.rig.rig import Rig
from tests.attack.rig.staff import Browser
from tests.harness.configure import unique
from tests.harness.forms import delete_users

_PASSWORD = "the-right-long-password-1"


@pytest.fixture
def victim(rig: Rig) -> Iterator[Any]:
    """A superuser; no attempt of a test counts in the next."""
    SignInLimit.objects.all().delete()
    user = get_user_model().objects.create_superuser(unique("victim"), password=_PASSWORD)
    yield user
    delete_users(pk=user.pk)
    SignInLimit.objects.all().delete()


def _attempt(rig: Rig, name: str, password: str, **headers: str) -> int:
    """A sign-in at the server itself, behind nginx: nginx has a limit of its own, which would hide this one."""
    browser = Browser(f"http://127.0.0.1:{rig.gateway.port}", None)
    browser.http.headers.update(headers)
    with browser.http:
        return browser.submit("/admin/login/", username=name, password=password).status_code


def test_guessing_at_an_account_ends_soon_and_in_every_worker(victim: Any, rig: Rig) -> None:
    statuses = Counter(_attempt(rig, victim.username, f"wrong-{number}") for number in range(40))
    assert statuses[200] <= 12
    assert statuses[429] == 40 - statuses[200]


@pytest.mark.parametrize("header", ["x-real-ip", "forwarded", "client-ip", "true-client-ip", "cf-connecting-ip"])
def test_a_made_up_address_is_no_new_attempt(header: str, victim: Any, rig: Rig) -> None:
    statuses = [_attempt(rig, victim.username, "wrong", **{header: f"10.0.0.{number}"}) for number in range(12)]
    assert statuses.count(200) <= 6, statuses


@pytest.mark.rig("B")
def test_what_a_client_says_of_itself_is_replaced_by_the_proxy(victim: Any, rig: Rig) -> None:
    statuses = []
    for number in range(9):
        browser = Browser(f"http://127.0.0.1:{rig.port}", None)
        browser.http.headers["x-forwarded-for"] = f"10.0.0.{number}"
        with browser.http:
            statuses.append(browser.submit("/admin/login/", username=victim.username, password="wrong").status_code)
    assert statuses.count(200) <= 6, statuses


def test_many_names_from_one_address_have_a_limit_too(victim: Any, rig: Rig) -> None:
    names = [f"nobody-{number}" for number in range(40)]
    assert sum(_attempt(rig, name, "wrong") == 200 for name in names) <= 25


def test_a_crowd_of_guesses_leaves_the_others_alone(victim: Any, rig: Rig) -> None:
    with rig.watching() as toll, ThreadPoolExecutor(24) as crowd:
        guesses = [crowd.submit(_attempt, rig, victim.username, f"wrong-{number}") for number in range(48)]
        answers = Counter(guess.result() for guess in guesses)
    assert answers[429] >= 30
    assert toll.cpu < 12


def test_who_signs_in_knows_no_more_of_an_account_than_that_it_did_not_work(victim: Any, rig: Rig) -> None:
    pages = []
    for name in (victim.username, "nobody-has-this-name"):
        browser = Browser(f"http://127.0.0.1:{rig.gateway.port}", None)
        with browser.http:
            page = browser.submit("/admin/login/", username=name, password="wrong-password")
        token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        pages.append(page.text.replace(name, "NAME").replace(token, "TOKEN"))
    assert pages[0] == pages[1]
