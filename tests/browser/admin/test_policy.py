"""Every page in a real browser: nothing that it does is against its own Content-Security-Policy."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model as DatabaseModel
from django.urls import reverse
from playwright.sync_api import Page, expect

from providers.models import Provider
from routing.models import Alias, Rule
from tests.browser.layout import settle
from tests.browser.steps import sign_in
from tests.browser.visits import Visits
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream


@pytest.fixture
def violations(visitor: Page) -> list[str]:
    """What the visitor's console shows about a policy, at whichever level."""
    found: list[str] = []

    def look(text: str) -> None:
        if "Content Security Policy" in text or "Permissions-Policy" in text:
            found.append(text)

    visitor.on("console", lambda message: look(message.text))
    return found


def _pages(orm: Rows) -> list[str]:
    """Every page of the site that a superuser can open."""
    pages = [reverse(f"console:{name}") for name in ("explorer", "statements", "sessions", "explain", "health")]
    provider = Provider.objects.order_by("-pk").values_list("pk", flat=True)[0]
    pages += [reverse(f"console:provider-{name}", args=[provider]) for name in ("models", "test")]
    pages += [reverse("admin:index"), reverse("admin:password_change")]
    for model, owner in admin.site._registry.items():
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages.append(reverse(f"{base}_changelist"))
        if not issubclass(model, DatabaseModel):
            continue
        row = model._default_manager.order_by("-pk").first()
        pages += [reverse(f"{base}_{kind}", args=[row.pk]) for kind in ("change", "history", "delete")] if row else []
        if type(owner).has_add_permission is admin.ModelAdmin.has_add_permission:
            pages.append(reverse(f"{base}_add"))
    return pages


@pytest.fixture
def filled(standing: Standing, gateway: Gateway, upstream: Upstream, orm: Rows) -> None:
    """A row of everything that has a page."""
    route = standing.routes["openai_chat"]
    Rule.objects.create(name=unique("rule"), route=route, conditions=[], enabled=False)
    Alias.objects.create(pattern=unique("alias"), target=route.name)
    script = upstream.script(speak.chat_answer("Hello"))
    answer = Client(gateway.base_url, standing.key.secret).post(message(route.name, script.prompt))
    orm.request(answer.request_id)


def test_no_page_is_against_its_policy(
    visits: Visits,
    visitor: Page,
    violations: list[str],
    administrator: str,
    gateway: Gateway,
    filled: None,
    orm: Rows,
) -> None:
    visitor.goto(f"{gateway.base_url}/admin/login/")
    settle(visitor)
    sign_in(visitor, gateway, administrator)
    pages = _pages(orm)
    assert len(pages) > 40
    found = {}
    for page in pages:
        answer = visitor.goto(gateway.base_url + page)
        settle(visitor)
        # Nobody deletes an entry of the audit, and the page that says so is a page as well.
        if answer is not None and answer.status == 403:
            (complaint,) = visits.complaints
            assert "status of 403" in complaint
            visits.complaints.clear()
        if violations:
            found[page] = violations.copy()
            violations.clear()
    assert found == {}


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
