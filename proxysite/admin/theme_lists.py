"""What the theme makes for every row of a list is made once, or where there is something to show: it took a third of a
list that is edited in place."""

from __future__ import annotations

from typing import Any

from django.template import loader
from unfold.templatetags import unfold_list

_ERRORS = "unfold/helpers/form_errors.html"


def make_once() -> None:
    """Replaces the theme's functions, which have no other seam, by one that remembers the headers of each list, and one
    that renders the errors of a field only if it has some."""
    made = unfold_list.result_headers

    def result_headers(cl: Any) -> list[dict[str, Any]]:
        if not hasattr(cl, "headers_made"):
            cl.headers_made = list(made(cl))
        headers: list[dict[str, Any]] = cl.headers_made
        return headers

    def render_to_string(template: str, context: dict[str, Any], **options: Any) -> str:
        if template == _ERRORS and not context["errors"]:
            return ""
        return loader.render_to_string(template, context, **options)

    unfold_list.result_headers = result_headers
    unfold_list.render_to_string = render_to_string
