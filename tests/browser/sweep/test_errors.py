"""Pages of errors: they say what went wrong, lead back, and can be read in both themes, signed in or not."""

from __future__ import annotations

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from access.roles.table import Role
from tests.browser.steps import leave, sign_in
from tests.browser.sweep.look import look
from tests.browser.visits import Visits
from tests.harness.configure import unique
from tests.harness.forms import PASSWORD, delete_users
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.permissions.people import person

_MANY_FIELDS = """
() => {
  const form = document.querySelector("#page form");
  for (let number = 0; number < 1001; number++) {
    const field = document.createElement("input");
    Object.assign(field, {type: "hidden", name: `field${number}`});
    form.append(field);
  }
  form.submit();
}
"""


def _faults(visits: Visits, page: Page, status: int, heading: str) -> dict[str, list[str]]:
    """Return what is wrong with the page of an error, which the browser complains of as such."""
    expect(page.get_by_role("heading")).to_have_text(heading)
    while not any(f"status of {status}" in one or one.startswith(f"{status} from") for one in visits.complaints):
        page.wait_for_event("console")
    visits.complaints.clear()
    return look(visits, page, heading)


def test_errors_of_somebody_who_has_not_signed_in(visits: Visits, visitor: Page, gateway: Gateway) -> None:
    login = f"{gateway.base_url}/admin/login/"
    visitor.goto(login)
    visitor.goto(f"{gateway.base_url}/static/no-such-file")
    assert _faults(visits, visitor, 404, "Not found") == {}
    visitor.get_by_role("button", name="Back").click()
    visitor.wait_for_url(login)
    visitor.goto(f"{gateway.base_url}/static/no-such-file")
    visitor.get_by_role("link", name="Sign in").click()
    visitor.wait_for_url(login)

    visits.complaints.clear()
    visitor.locator("[name=username]").fill("somebody")
    visitor.context.clear_cookies()
    visitor.locator("[name=password]").fill(PASSWORD)
    visitor.locator("[name=password]").press("Enter")
    assert _faults(visits, visitor, 403, "This form was refused") == {}
    expect(visitor.locator("main")).to_contain_text("cookie")

    visitor.goto(login)
    visitor.evaluate(_MANY_FIELDS)
    assert _faults(visits, visitor, 400, "Bad request") == {}
    expect(visitor.locator("main")).to_contain_text("more than 1,000 fields")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_errors_have_the_theme_that_was_chosen(theme: str, visits: Visits, gateway: Gateway) -> None:
    page = visits.begin(color_scheme="dark")
    page.goto(f"{gateway.base_url}/admin/login/")
    page.evaluate("(theme) => localStorage.setItem('adminTheme', JSON.stringify(theme))", theme)
    page.goto(f"{gateway.base_url}/static/no-such-file")
    shade = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert shade == {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 24, 40)"}[theme]
    visits.complaints.clear()


def test_errors_of_somebody_who_has_signed_in(visits: Visits, visitor: Page, gateway: Gateway, orm: Rows) -> None:
    auditor = person(Role.AUDITOR, name=unique("auditor"))
    auditor.set_password(PASSWORD)
    auditor.save()
    sign_in(visitor, gateway, auditor.username)
    home = visitor.url
    for path, status, heading in (
        ("/admin/access/team/add/", 403, "Not allowed"),
        ("/admin/no/such/page/", 404, "Not found"),
        ("/my/no/such/page/", 404, "Not found"),
        ("/admin/console/explorer/views/", 405, "Not a page"),
    ):
        visitor.goto(gateway.base_url + path)
        assert _faults(visits, visitor, status, heading) == {}
        visitor.get_by_role("link", name="Home").click()
        visitor.wait_for_url(home)
    delete_users(username=auditor.username)


def test_a_failure_of_the_gateway(visits: Visits, visitor: Page, own_database: Rows) -> None:
    owner = person(Role.OWNER)
    owner.set_password(PASSWORD)
    owner.save()
    gateway = Gateway("failing").start()
    try:
        sign_in(visitor, gateway, owner.username)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE routing_alias RENAME TO routing_alias_gone")
        visitor.goto(f"{gateway.base_url}/admin/routing/alias/")
        assert _faults(visits, visitor, 500, "Something went wrong") == {}
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE routing_alias_gone RENAME TO routing_alias")
        visitor.get_by_role("link", name="Home").click()
        visitor.wait_for_url("**/admin/")
        leave(visitor)
    finally:
        # Its log has the traceback that is the point here, for which `stop` would blame it.
        gateway.signal()
        gateway.wait_exit()
