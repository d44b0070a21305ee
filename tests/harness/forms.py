"""The admin as a browser without pictures: pages over HTTP, forms found in the HTML and sent back changed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import httpx
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from tests.harness.configure import unique
from tests.harness.patience import PATIENCE

PASSWORD = "a-long-test-password-7"


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "input" and name and given.get("type") not in {"submit", "button", "file", "image"}:
            if given.get("type") in {"checkbox", "radio"} and "checked" not in given:
                return
            unnamed = "on" if given.get("type") in {"checkbox", "radio"} else ""
            self.fields.setdefault(name, []).append(given.get("value", unnamed))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.fields.setdefault(self._select, []).append(given.get("value", ""))
        elif tag == "textarea" and name:
            self._textarea = name
            self.fields[name] = [""]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            # HTML drops one newline after <textarea>.
            self.fields[self._textarea][0] += data.removeprefix("\n") if not self.fields[self._textarea][0] else data


def delete_users(**which: Any) -> None:
    """Delete users of a test, the last owner included, whom nobody else can delete."""
    users = get_user_model().objects.filter(**which)
    with connection.cursor() as cursor:
        for (pk,) in users.values_list("pk"):
            cursor.execute("UPDATE auth_user SET is_superuser = %s WHERE id = %s", [False, pk])
    users.delete()


class Admin:
    """A superuser who is logged in at `base_url`: with a password in the form of the site, or, which spares both sides
    to hash it, with a session that is there already. Use it as a context manager."""

    def __init__(self, base_url: str, *, by_form: bool = False) -> None:
        self.name = unique("admin")
        self._by_form = by_form
        self._user = get_user_model().objects.create_superuser(self.name, password=PASSWORD if by_form else None)
        self._http = httpx.Client(
            base_url=base_url, follow_redirects=True, trust_env=False, verify=False, timeout=PATIENCE
        )

    def __enter__(self) -> Admin:
        if self._by_form:
            self._fill_in_the_form()
        else:
            browser = Client()
            browser.force_login(self._user)
            self._http.cookies.update({name: cookie.value for name, cookie in browser.cookies.items()})
        return self

    def _fill_in_the_form(self) -> None:
        page = self._http.get("/admin/login/")
        fields = {**fields_of(page.text), "username": self.name, "password": PASSWORD}
        answer = self._http.post("/admin/login/?next=/admin/", data=fields)
        assert answer.status_code == 200
        assert answer.url.path == "/admin/", "the log-in was refused"

    def __exit__(self, *exc: object) -> None:
        self._http.close()
        delete_users(username=self.name)

    def page(self, path: str) -> str:
        """A page that is there."""
        answer = self._http.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def download(self, path: str) -> bytes:
        """A file that is there, whole."""
        answer = self._http.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        assert int(answer.headers["content-length"]) == len(answer.content)
        return answer.content

    def send_file(self, path: str, name: str, text: str) -> str:
        """Send a file with the form of a page, and return the page that follows."""
        answer = self._http.post(path, data=fields_of(self.page(path)), files={"file": (name, text.encode())})
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def submit_to(self, path: str, action: str, **changes: Any) -> str:
        """Send a form of a page to its action, with some fields changed, and return the page that follows."""
        answer = self._http.post(action, data={**fields_of(self.page(path)), **changes})
        assert answer.status_code == 200, (action, answer.status_code)
        return answer.text

    def submit(self, path: str, **changes: Any) -> str:
        """Send the form of a page with some fields changed (None: left out) and return the page that follows."""
        fields = {**fields_of(self.page(path)), **changes}
        sent = {name: value for name, value in fields.items() if value is not None}
        answer = self._http.post(path, data=sent, headers={"referer": str(self._http.base_url.join(path))})
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text


def fields_of(page: str) -> dict[str, Any]:
    """The fields of a page's forms, filled in as the page has them."""
    parser = _Fields()
    parser.feed(page)
    return {name: values if len(values) > 1 else values[0] for name, values in parser.fields.items()}
