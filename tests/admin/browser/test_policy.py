"""Every page in a real browser: nothing that it does is against its own Content-Security-Policy."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model as DatabaseModel
from django.urls import reverse
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from providers.models import Provider
from routing.models import Alias, Rule
from tests.admin.browser.conftest import log_in
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients


def _complaints(browser: WebDriver) -> list[str]:
    """What the browser wrote into its console about a policy, or as an error of a script."""
    log: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[attr-defined]
    return [
        entry["message"]
        for entry in log
        if "Content Security Policy" in entry["message"]
        or "Permissions-Policy" in entry["message"]
        or (entry["source"] == "javascript" and entry["level"] == "SEVERE")
    ]


def _settled(browser: WebDriver) -> None:
    """Alpine has begun where the page has it: what it evaluates has been evaluated."""
    WebDriverWait(browser, 15).until(
        lambda driver: driver.execute_script(
            "return document.readyState === 'complete' && (!document.querySelector('[x-data]') || !!window.Alpine)"
        )
    )


def _pages(orm: Rows) -> list[str]:
    """Every page of the site that a superuser can open."""
    pages = [reverse(f"console:{name}") for name in ("report", "explain", "health")]
    provider = Provider.objects.order_by("-pk").values_list("pk", flat=True)[0]
    pages += [reverse(f"console:provider-{name}", args=[provider]) for name in ("models", "test")]
    pages += [reverse("admin:index"), reverse("admin:password_change"), "/admin/no/such/page/"]
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
    browser: WebDriver, administrator: str, gateway: Gateway, filled: None, orm: Rows
) -> None:
    browser.get(f"{gateway.base_url}/admin/login/")
    _settled(browser)
    assert _complaints(browser) == []
    log_in(browser, gateway, administrator)
    pages = _pages(orm)
    assert len(pages) > 40
    found = {}
    for page in pages:
        browser.get(gateway.base_url + page)
        _settled(browser)
        if complaints := _complaints(browser):
            found[page] = complaints
    assert found == {}


def test_a_page_that_is_refused_is_not_against_it(browser: WebDriver, gateway: Gateway, orm: Rows) -> None:
    name = unique("onlooker")
    get_user_model().objects.create_user(name, password=PASSWORD, is_staff=True)
    log_in(browser, gateway, name)
    browser.get(gateway.base_url + reverse("console:health"))
    assert browser.title == "Not allowed"
    assert _complaints(browser) == []


def test_the_policy_is_in_force(browser: WebDriver, administrator: str, gateway: Gateway) -> None:
    log_in(browser, gateway, administrator)
    _settled(browser)
    browser.execute_script(
        """
        document.body.insertAdjacentHTML("beforeend", "<img id=attack src=/no.png onerror='window.attacked = 1'>");
        const script = document.createElement("script");
        script.textContent = "window.attacked = 2";
        document.body.append(script);
        const other = document.createElement("script");
        other.src = "http://127.0.0.1:9/evil.js";
        document.body.append(other);
        """
    )
    WebDriverWait(browser, 15).until(lambda driver: len(_seen(driver)) >= 3)
    assert browser.execute_script("return window.attacked") is None
    assert browser.find_elements(By.ID, "attack")


def _seen(browser: WebDriver, known: list[str] = []) -> list[str]:  # noqa: B006
    known += _complaints(browser)
    return known
