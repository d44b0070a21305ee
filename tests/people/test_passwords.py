"""A new password: by mail, by command, or with the old one; within limits, and with an end to every other session."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from access.models import AuditEntry
from tests.admin.pages import links_of, text_of
from tests.harness.patience import until

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PASSWORD, OTHER = "a-long-test-password-7", "another-long-word-3"
ASK = "/my/forgot/"


@pytest.fixture
def mia() -> User:
    """Somebody with a password and an address."""
    return User.objects.create_user("mia", "mia@example.com", PASSWORD)


def _ask(name: str, address: str = "198.51.100.7", browser: Client | None = None) -> Any:
    return (browser or Client()).post(ASK, {"name": name}, REMOTE_ADDR=address)


def _path(link: str) -> str:
    return re.sub("^https?://[^/]+", "", link)


def _choose(browser: Client, link: str, password: str = OTHER) -> Any:
    browser.get(_path(link))
    return browser.post("/my/password/new/", {"new_password1": password, "new_password2": password})


def _signed_in(name: str = "mia", password: str = PASSWORD) -> Client:
    browser = Client()
    assert browser.post("/my/login/", {"username": name, "password": password}).status_code == 302
    return browser


@pytest.mark.parametrize("page", ["/admin/login/", "/my/login/"])
def test_each_sign_in_page_leads_there(page: str) -> None:
    assert ASK in links_of(Client().get(page)).values()


@pytest.mark.usefixtures("mails")
def test_a_mailed_link_changes_the_password_once_and_ends_every_session(mia: User) -> None:
    elsewhere = _signed_in()
    assert elsewhere.get("/my/").status_code == 200
    assert "on its way" in text_of(_ask("mia"))
    until(lambda: bool(mail.outbox), "the mail")
    (message,) = mail.outbox
    assert (message.to, message.from_email) == (["mia@example.com"], "gateway@example.com")
    (link,) = re.findall(r"https://gateway\.example\.com/my/password/\S+", str(message.body))
    browser = Client()
    first = browser.get(_path(link))
    assert (first["Location"], first["Referrer-Policy"]) == ("/my/password/new/", "no-referrer")
    page = browser.get(first["Location"])
    assert "A new password for mia" in text_of(page)
    assert link.rpartition(".")[2].strip("/") not in page.content.decode()
    assert "too common" in text_of(_choose(browser, link, "password123"))
    assert _choose(browser, link)["Location"] == "/my/login/"
    assert elsewhere.get("/my/").status_code == 302
    _signed_in(password=OTHER)
    assert _choose(Client(), link, "a-third-long-word-9").status_code == 404
    _signed_in(password=OTHER)


@pytest.mark.usefixtures("mails")
def test_the_address_of_a_link_comes_from_the_settings_and_from_no_header(mia: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    Client().post(ASK, {"name": "MIA@example.com"}, HTTP_HOST="evil.example.net")
    until(lambda: bool(mail.outbox), "the mail")
    assert "evil" not in mail.outbox[0].body


@pytest.mark.usefixtures("mails")
def test_nobody_learns_who_has_an_account(mia: User) -> None:
    User.objects.create_user("off", "off@example.com", is_active=False)
    User.objects.create_user("no-address")
    answers = {name: _ask(name, f"192.0.2.{n}") for n, name in enumerate(["mia", "nobody", "off", "no-address"])}
    texts = {re.sub(r"csrf\w+|value=\"\w+\"", "", answer.content.decode()) for answer in answers.values()}
    assert len(texts) == 1
    until(lambda: bool(mail.outbox), "the mail")
    assert [message.to for message in mail.outbox] == [["mia@example.com"]]


@pytest.mark.usefixtures("mails")
@pytest.mark.parametrize("name", ["mia", "nobody"])
def test_requests_for_links_are_limited_by_account_and_by_address(mia: User, name: str) -> None:
    assert [_ask(name).status_code for _ in range(4)] == [200] * 3 + [429]
    assert "Try again in 10 minutes" in text_of(_ask(name))
    assert _ask(name, "203.0.113.9").status_code == 200
    assert [_ask(f"name-{n}").status_code for n in range(8)] == [200] * 7 + [429]
    spread = [_ask(name, f"192.0.2.{n}").status_code for n in range(8)]
    assert spread == [200] * 6 + [429] * 2
    # A browser that the account is known in is its own.
    if name == "mia":
        known = _signed_in()
        assert _ask(name, "192.0.2.200", known).status_code == 200


def test_without_a_mail_server_the_page_says_what_to_do(mia: User) -> None:
    page = Client().get(ASK)
    assert "./gateway reset_link USERNAME" in text_of(page)
    assert "Mail me a link" not in text_of(page)
    _ask("mia")
    assert mail.outbox == []


def test_the_command_prints_a_link_that_works(mia: User) -> None:
    link = _printed("mia")
    assert link.startswith("http://127.0.0.1:3456/my/password/")
    assert _printed("mia", "--url", "http://127.0.0.1:8123/").startswith("http://127.0.0.1:8123/my/password/")
    assert _choose(Client(), link)["Location"] == "/my/login/"
    _signed_in(password=OTHER)
    for name, words in (("Mia", "Did you mean mia"), ("nobody", "no user 'nobody'")):
        with pytest.raises(CommandError, match=words):
            _printed(name)


def test_a_command_gives_a_new_password_and_ends_every_session(mia: User) -> None:
    elsewhere, out = _signed_in(), StringIO()
    call_command("new_password", "mia", stdout=out, stderr=StringIO())
    assert elsewhere.get("/my/").status_code == 302
    _signed_in(password=out.getvalue().strip())
    assert AuditEntry.objects.get(action="password changed").object_name == "mia"
    mia.is_active = False
    mia.save()
    with pytest.raises(CommandError, match="not active"):
        call_command("new_password", "mia")


def test_a_link_ends_with_a_sign_in_and_with_its_account(mia: User) -> None:
    first = _printed("mia")
    _signed_in()
    assert _choose(Client(), first).status_code == 404
    second = _printed("mia")
    User.objects.update(is_active=False)
    assert _choose(Client(), second).status_code == 404
    with pytest.raises(CommandError, match="not active"):
        _printed("mia")
    for made_up in ("x", ".", "MQ.abc-def", "%00.x", "9" * 400):
        assert Client().get(f"/my/password/{made_up}/", follow=True).status_code == 404


@pytest.mark.parametrize("site", ["/admin/", "/my/"])
def test_guesses_at_the_old_password_are_limited_like_sign_ins(site: str) -> None:
    User.objects.create_superuser("ona", password=PASSWORD)
    here, elsewhere = _signed_in("ona"), _signed_in("ona")
    page = f"{site}password_change/"

    def change(old: str) -> Any:
        return here.post(page, {"old_password": old, "new_password1": OTHER, "new_password2": OTHER})

    assert "not your old password" in text_of(change("wrong"))
    assert change(PASSWORD)["Location"] == f"{page}done/"
    assert here.get(site).status_code == 200
    assert elsewhere.get(site).status_code == 302
    statuses = [change("wrong").status_code for _ in range(20)]
    # Ten in a known browser and five as anybody else.
    assert statuses == [200] * 15 + [429] * 5
    assert "the password was not checked" in text_of(change(OTHER))


def _printed(*words: str) -> str:
    out = StringIO()
    call_command("reset_link", *words, stdout=out, stderr=StringIO())
    return out.getvalue().strip()
