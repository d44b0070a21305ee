"""The tabs of a provider: three parts of its page, and the list of its models, which is a page of its own."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from providers.admin.naming import models_url
from providers.models import Model, Provider

CONNECTION, CREDENTIALS, ADVANCED = "general", "credentials", "advanced"
"""Names of the parts, as unfold's scripts know them."""
TITLES: Final = {CONNECTION: "Connection", CREDENTIALS: "Credentials", ADVANCED: "Advanced"}


def of_page(request: HttpRequest, provider: Provider | None, errors: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Returns the tabs of a provider's own page for unfold's `tab_list`, with the number of errors in each part."""
    parts = {part: _item(_counted(part, errors), inline=part) for part in TITLES}
    return _tabs({"name": "providers.provider", "detail": True}, parts, request, provider)


def of_models(request: HttpRequest, provider: Provider) -> list[dict[str, Any]]:
    """Returns the tabs of the list of a provider's models; the others lead back to its page."""
    page = reverse("admin:providers_provider_change", args=[provider.pk])
    may_look = any(request.user.has_perm(f"providers.{verb}_provider") for verb in ("view", "change"))
    parts = {part: _item(title, f"{page}#{part}", has_permission=may_look) for part, title in TITLES.items()}
    return _tabs("providers.model", parts, request, provider, is_here=True)


def _tabs(
    model: Any, parts: dict[str, Any], request: HttpRequest, provider: Provider | None, *, is_here: bool = False
) -> list[dict[str, Any]]:
    items = [parts[CONNECTION], parts[CREDENTIALS], parts[ADVANCED]]
    if provider is not None:
        title = f"Models ({Model.objects.filter(provider=provider).count():,})"
        may_look = any(request.user.has_perm(f"providers.{verb}_model") for verb in ("view", "change"))
        items.insert(2, _item(title, models_url(provider), has_permission=may_look, active=is_here))
    return [{"models": [model], "items": items}]


def _item(title: str, link: str = "", *, has_permission: bool = True, **more: Any) -> dict[str, Any]:
    return {"title": title, "link": link, "has_permission": has_permission, **more}


def _counted(part: str, errors: dict[str, list[str]]) -> str:
    count = len(errors.get(part, ()))
    if not count:
        return TITLES[part]
    return format_html('{} <span class="gw-errors" title="{}">{}</span>', TITLES[part], "errors in this part", count)


def errors_by_part(context: dict[str, Any]) -> dict[str, list[str]]:
    """Returns the labels of the fields with an error on a change form, by the part that they are in, in the order of
    the tabs."""
    found: dict[str, list[str]] = {part: [] for part in TITLES}
    for fieldset in context["adminform"]:
        part = ADVANCED if ADVANCED in fieldset.classes.split() else CONNECTION
        form = fieldset.form
        found[part] += [str(form[name].label) for name in _names(fieldset) if name in form.errors]
    for inline in context["inline_admin_formsets"]:
        formset = inline.formset
        found[CREDENTIALS] += [
            str(form[name].label) for form in formset.forms for name in form.errors if name in form.fields
        ]
        found[CREDENTIALS] += [str(error) for form in formset.forms for error in form.non_field_errors()]
        found[CREDENTIALS] += [str(error) for error in formset.non_form_errors()] if formset.is_bound else []
    return {part: labels for part, labels in found.items() if labels}


def _names(fieldset: Any) -> list[str]:
    return [name for line in fieldset.fields for name in ([line] if isinstance(line, str) else line)]
