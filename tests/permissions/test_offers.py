"""Nothing is offered that the reader may not do: every link and every form of every page leads somewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from tests.permissions.people import signed_in
from tests.permissions.site import everybody, make_rows, pages

pytestmark = pytest.mark.django_db

_ENDS_THE_SESSION = "logout/"


class _Offers(HTMLParser):
    """The addresses that a page links to, and those that its buttons send a form to. Pages that may only be viewed have
    forms as well, without a button."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.forms: set[str] = set()
        self._inside: dict[str, str | None] | None = None
        self._by_id: dict[str, str] = {}
        self._elsewhere: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.add(given["href"] or "")
        elif tag == "form":
            self._inside = given
            if given.get("id") and _is_post(given):
                self._by_id[given["id"] or ""] = given.get("action") or ""
        elif (tag, given.get("type")) in {("button", None), ("button", "submit"), ("input", "submit")}:
            self._button(given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None

    def close(self) -> None:
        super().close()
        self.forms |= {self._by_id[one] for one in self._elsewhere if one in self._by_id}

    def _button(self, given: dict[str, str | None]) -> None:
        if given.get("formaction"):
            self.forms.add(given["formaction"] or "")
        elif given.get("form"):
            self._elsewhere.append(given["form"] or "")
        elif self._inside is not None and _is_post(self._inside):
            self.forms.add(self._inside.get("action") or "")


def _is_post(form: dict[str, str | None]) -> bool:
    return (form.get("method") or "get").lower() == "post"


def _offers(url: str, answer: Any) -> tuple[set[str], set[str]]:
    found = _Offers()
    found.feed(answer.content.decode())
    found.close()
    ours = [{urljoin(url, one) for one in some} for some in (found.links, found.forms)]
    links, forms = (
        {one.partition("#")[0] for one in some if not urlsplit(one).netloc and one.startswith("/")} for some in ours
    )
    return links, {one for one in forms if not one.partition("?")[0].endswith(_ENDS_THE_SESSION)}


def _refused(answer: Any) -> bool:
    away = answer.status_code == 302 and "/login/" in answer["Location"]
    return away or answer.status_code in (403, 404, 405) or answer.status_code >= 500


@pytest.mark.parametrize("letter", "oarlms")
def test_whatever_a_page_offers_is_let_in(letter: str) -> None:
    make_rows()
    reader: User | None = everybody()[letter]
    browser = signed_in(reader)
    offered: dict[str, str] = {}
    sent: dict[str, str] = {}
    shown = 0
    for page in pages(reader):
        answer = browser.get(page.url)
        if answer.status_code != 200 or "text/html" not in answer["Content-Type"] or answer.streaming:
            continue
        shown += 1
        links, forms = _offers(page.url, answer)
        # One link is tried once, by its path: what a list is filtered by is not for permissions to say.
        offered |= {path: str(page) for link in links if (path := link.partition("?")[0]) not in offered}
        sent |= {form: str(page) for form in forms if form not in sent}
    assert shown > (2 if letter == "s" else 5)
    assert sent or letter in "rms"
    shut = {f"{path} on {source}" for path, source in offered.items() if _refused(browser.get(path))}
    for path, source in sent.items():
        with transaction.atomic():
            if _refused(browser.post(path)):
                shut.add(f"{path} sent from {source}")
            transaction.set_rollback(True)
    assert shut == set(), sorted(shut)
