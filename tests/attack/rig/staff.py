"""Members of staff in a browser, with exactly the permissions that they were given."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from access.models import Membership, Team
from access.roles.giving import set_role
from access.roles.table import TEAM_ROLES, Role
from tests.harness.configure import unique
from tests.harness.forms import delete_users, fields_of
from tests.harness.patience import PATIENCE


def make_person(role: Role, team: Team | None = None) -> Any:
    """Somebody with a role: of the whole site, or of a team, a new one if none is given."""
    user = get_user_model().objects.create(username=unique(role.value))
    if role in TEAM_ROLES:
        team = team or Team.objects.create(name=unique("team"))
        Membership.objects.create(team=team, user=user, role=role.value)
    else:
        set_role(user, role)
    return user


def make_staff(permissions: Sequence[str], *, superuser: bool = False, **fields: Any) -> Any:
    """A member of staff with permissions such as `providers.view_provider`, given one by one."""
    user = get_user_model().objects.create(username=unique("staff"), is_staff=True, is_superuser=superuser, **fields)
    for name in permissions:
        app, _, codename = name.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def errors_in(page: str) -> list[str]:
    """What a form that came back complains of, and what other text is marked as an error."""
    found = re.findall(r'class="[^"]*(?:error|text-red)[^"]*"[^>]*>(.*?)</', page, re.DOTALL)
    return [text for one in found if (text := re.sub(r"<[^>]+>|\s+", " ", one).strip())]


class Browser:
    """Somebody signed in; or nobody, with user None."""

    def __init__(self, base_url: str, user: Any) -> None:
        self.user = user
        self.http = httpx.Client(
            base_url=base_url, follow_redirects=False, trust_env=False, verify=False, timeout=PATIENCE
        )
        if user is not None:
            django = Client()
            django.force_login(user)
            self.http.cookies.update({name: cookie.value for name, cookie in django.cookies.items()})

    def get(self, path: str) -> httpx.Response:
        """A page, or whatever stands in its place; redirects are not followed."""
        return self.http.get(path)

    def submit(self, path: str, **changes: Any) -> httpx.Response:
        """Send the form of a page with some fields changed (None: left out). What answers; redirects are not
        followed. A page that may not be seen is posted to all the same, with a CSRF token of another page."""
        page = self.http.get(path)
        given = fields_of(page.text) if page.status_code == 200 else {}
        if "csrfmiddlewaretoken" not in given:
            given["csrfmiddlewaretoken"] = self.http.cookies.get("csrftoken") or self._token()
        sent = {name: value for name, value in {**given, **changes}.items() if value is not None}
        return self.http.post(path, data=sent, headers={"referer": str(self.http.base_url.join(path))})

    def _token(self) -> str:
        return str(fields_of(self.http.get("/admin/login/").text).get("csrfmiddlewaretoken", ""))


@contextlib.contextmanager
def browser_of(base_url: str, user: Any) -> Iterator[Browser]:
    """A browser that is closed at the end, and its user's row deleted."""
    browser = Browser(base_url, user)
    try:
        yield browser
    finally:
        browser.http.close()
        if user is not None:
            delete_users(pk=user.pk)
