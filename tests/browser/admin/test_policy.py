"""The Content-Security-Policy is in force in a real browser. That no page is against it, every visit sees
(tests/browser/visits.py), and the sweep visits every page."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from tests.browser.layout import settle
from tests.browser.steps import sign_in
from tests.browser.visits import Visits
from tests.harness.configure import unique
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


@pytest.fixture
def violations(visitor: Page) -> list[str]:
    """What the visitor's console shows about a policy, at whichever level."""
    found: list[str] = []

    def look(text: str) -> None:
        if "Content Security Policy" in text or "Permissions-Policy" in text:
            found.append(text)

    visitor.on("console", lambda message: look(message.text))
    return found


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [("/admin/console/health/", 403, "Not allowed"), ("/admin/no/such/page/", 404, "Not found")],
)
def test_an_error_page_is_not_against_it(
    visits: Visits,
    visitor: Page,
    violations: list[str],
    gateway: Gateway,
    orm: Rows,
    path: str,
    status: int,
    title: str,
) -> None:
    name = unique("onlooker")
    get_user_model().objects.create_user(name, password=PASSWORD, is_staff=True)
    sign_in(visitor, gateway, name)
    answer = visitor.goto(gateway.base_url + path)
    settle(visitor)
    assert answer is not None
    assert (answer.status, visitor.title(), violations) == (status, title, [])
    (complaint,) = visits.complaints
    assert f"status of {status}" in complaint
    visits.complaints.clear()


def test_the_policy_is_in_force(
    visits: Visits, visitor: Page, violations: list[str], administrator: str, gateway: Gateway
) -> None:
    sign_in(visitor, gateway, administrator)
    settle(visitor)
    visitor.evaluate(
        """
        () => {
          window.refused = [];
          document.addEventListener("securitypolicyviolation", (one) => window.refused.push(one.effectiveDirective));
          document.body.insertAdjacentHTML("beforeend", "<img id=attack src=/no.png onerror='window.attacked = 1'>");
          const script = document.createElement("script");
          script.textContent = "window.attacked = 2";
          document.body.append(script);
          const other = document.createElement("script");
          other.src = "http://127.0.0.1:9/evil.js";
          document.body.append(other);
        }
        """
    )
    visitor.wait_for_function("() => window.refused.length >= 3")
    assert sorted(visitor.evaluate("window.refused")) == ["script-src-attr", "script-src-elem", "script-src-elem"]
    assert visitor.evaluate("window.attacked === undefined")
    expect(visitor.locator("#attack")).to_be_attached()
    assert len(violations) == 3
    visits.complaints.clear()
