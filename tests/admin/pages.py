"""Reading and sending the admin's pages as a browser does, for tests."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client


def staff(*permissions: str) -> Client:
    """A signed-in member of the staff who has these permissions (`app.codename`) and no other."""
    user = User.objects.create_user(f"staff-{User.objects.count()}", is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    browser = Client()
    browser.force_login(user)
    return browser


def form_of(response: Any) -> dict[str, Any]:
    """What the browser would send back if nobody touched the change form of this page."""
    context = response.context
    data: dict[str, Any] = {}
    formsets = [inline.formset for inline in context.get("inline_admin_formsets", [])]
    forms = [context["adminform"].form, *(f for s in formsets for f in [s.management_form, *s.forms])]
    for form in forms:
        for bound in form:
            _put(data, bound)
    return data | _hidden_of(response)


def _put(data: dict[str, Any], bound: Any) -> None:
    widget, name, value = bound.field.widget, bound.html_name, bound.value()
    if getattr(widget, "input_type", "") == "password" and not widget.render_value:
        data[name] = ""
    elif hasattr(widget, "posted"):
        data |= widget.posted(name, value)
    elif hasattr(widget, "decompress"):
        parts = value if isinstance(value, list) else widget.decompress(value)
        data |= {f"{name}_{n}": part or "" for n, part in enumerate(parts)}
    elif getattr(widget, "input_type", "") == "checkbox" and not hasattr(widget, "choices"):
        if value:
            data[name] = "on"
    else:
        data[name] = "" if value is None else value


class _Hidden(HTMLParser):
    """The inputs of a page that hold what it was shown with."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps one input."""
        found = dict(attrs)
        name = found.get("name") or ""
        if tag == "input" and name.startswith("initial-"):
            self.values.setdefault(name, []).append(found.get("value") or "")


def _hidden_of(response: Any) -> dict[str, list[str]]:
    page = _Hidden()
    page.feed(response.content.decode())
    return page.values


def errors_of(response: Any) -> dict[str, list[str]]:
    """The errors of a page that came back, by the name of the field they stand beside; form-wide ones under ''."""
    assert response.status_code == 200, f"the form was taken: {response.status_code} {response.get('Location')}"
    context = response.context
    formsets = [inline.formset for inline in context.get("inline_admin_formsets", [])]
    found: dict[str, list[str]] = {}
    for form in [context["adminform"].form, *(f for s in formsets for f in s.forms)]:
        for field, errors in form.errors.items():
            name = "" if field == "__all__" else form.add_prefix(field)
            found.setdefault(name, []).extend(map(str, errors))
    return found


def errors_of_rows(response: Any) -> dict[str, list[str]]:
    """The errors of a list whose rows came back, by the name of the field they stand beside."""
    forms = response.context["cl"].formset.forms
    return {form.add_prefix(field): list(map(str, errors)) for form in forms for field, errors in form.errors.items()}


def text_of(response: Any) -> str:
    """The page's text without tags, white space folded."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def links_of(response: Any) -> dict[str, str]:
    """The page's links: text -> address; of several with one text the first."""
    found: dict[str, str] = {}
    links = re.findall(r'<a\b[^>]*?href="([^"]*)"[^>]*>(.*?)</a\s*>', response.content.decode(), re.DOTALL)
    for address, inner in links:
        label = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", inner))).strip()
        found.setdefault(label, html.unescape(address))
    return found
