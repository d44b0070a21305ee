"""The headers of pages, files, redirects and errors, as any client sees them."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from proxysite.page_headers import DEBUGGED, FILES, HEADERS, PAGES
from tests.admin.pages import staff
from tests.harness.forms import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 302),
        ("/admin/", 302),
        ("/admin/login/", 200),
        ("/admin/no/such/page/", 302),
        ("/admin/console/health/", 302),
    ],
)
def test_pages_have_a_policy_whoever_asks(path: str, status: int) -> None:
    answer = Client().get(path)
    assert answer.status_code == status
    assert answer["Content-Security-Policy"] == PAGES
    for name, value in HEADERS.items():
        assert answer[name] == value
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY" or status == 302
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


def test_errors_have_it_too(admin_client: Client) -> None:
    answers = [
        staff().get("/admin/console/health/"),
        admin_client.get("/admin/no/such/page/"),
        Client(headers={"host": "evil.example"}).get("/admin/"),
        Client(enforce_csrf_checks=True).post("/admin/login/", {}),
    ]
    assert [answer.status_code for answer in answers] == [403, 404, 400, 403]
    assert {answer["Content-Security-Policy"] for answer in answers} == {PAGES}


def test_errors_say_where_to_go_and_have_the_icon(admin_client: Client) -> None:
    for answer in (staff().get("/admin/console/health/"), admin_client.get("/my/teams/999999/")):
        html = answer.content.decode()
        has_link = re.search(r"<a [^>]*href=", html) is not None
        assert [answer.status_code in {403, 404}, "favicon.svg" in html, has_link] == [True] * 3


def test_an_error_while_debugging_may_have_its_scripts_inside(admin_client: Client, settings: object) -> None:
    settings.DEBUG = True  # type: ignore[attr-defined]
    assert admin_client.get("/admin/no/such/page/")["Content-Security-Policy"] == DEBUGGED
    assert admin_client.get("/admin/")["Content-Security-Policy"] == PAGES


def test_a_file_opened_as_a_page_runs_nothing() -> None:
    answer = Client().get("/static/proxysite/favicon.svg")
    answer.close()
    assert (answer.status_code, answer["Content-Security-Policy"]) == (200, FILES)
    assert "script-src" not in FILES
    assert "sandbox" in FILES


def test_no_script_reads_a_cookie() -> None:
    get_user_model().objects.create_superuser("cookie", password=PASSWORD)
    browser = Client()
    browser.get("/admin/login/")
    assert browser.post("/admin/login/", {"username": "cookie", "password": PASSWORD}).status_code == 302
    cookies = browser.cookies
    for name in ("csrftoken", "sessionid"):
        assert cookies[name]["httponly"], name
        assert cookies[name]["samesite"] == "Lax", name


def test_no_script_may_be_written_into_a_page() -> None:
    scripts = next(each for each in PAGES.split("; ") if each.startswith("script-src"))
    assert scripts == "script-src 'self' 'unsafe-eval'"
