"""What people do on pages, in the words of a test."""

from __future__ import annotations

import re

from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Page, expect

from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway

_MAIN = "main, #content"
"""The main part of a page of /my/, and that of an admin page."""


def sign_in(page: Page, gateway: Gateway, name: str) -> None:
    """Be signed in, as somebody new to this browser; it ends on their first page. The form, whose hash of the password
    takes a second of a busy machine, is left to those tests that are about it."""
    browser = Client()
    browser.force_login(get_user_model().objects.get(username=name))
    page.context.clear_cookies()
    page.context.add_cookies(
        [{"name": one.key, "value": one.value, "url": gateway.base_url} for one in browser.cookies.values()]
    )
    page.goto(f"{gateway.base_url}/")
    page.wait_for_url(re.compile(r"/(admin|my)/$"))


def sign_in_by_form(page: Page, gateway: Gateway, name: str) -> None:
    """Sign in through the form, with `PASSWORD`, as somebody new to this browser; it ends on their first page."""
    page.context.clear_cookies()
    page.goto(f"{gateway.base_url}/admin/login/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(re.compile(r"/(admin|my)/$"))


def press(page: Page, label: str) -> None:
    """Press the first link or button in the main part of the page that has these words."""
    pressed = page.locator(_MAIN).locator("a, button").filter(has_text=re.compile(re.escape(label)), visible=True)
    pressed.first.click()


def fill(page: Page, **fields: str) -> None:
    """Fill in fields by their names; of a select, a choice by what it reads."""
    for name, value in fields.items():
        field = page.locator(_MAIN).locator(f"[name={name}]")
        if field.evaluate("(one) => one.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)


def leave(page: Page) -> None:
    """Go away from a page that keeps asking its gateway, before that ends."""
    page.goto("about:blank")


def shows(page: Page, words: str) -> None:
    """Wait until the page can be seen to have these words."""
    expect(page.locator("body")).to_contain_text(words, use_inner_text=True)


def is_at(page: Page, path: str) -> None:
    """Wait until the browser is at an address that has this path at its end, whatever the query."""
    page.wait_for_url(lambda url: url.partition("?")[0].endswith(path))
