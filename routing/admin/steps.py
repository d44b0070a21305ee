"""The pages of routing: a sentence above the form, what is next after saving, duplicates, and lists edited in place."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from proxysite.console.lost_updates import EditedInList
from routing.admin.duplicates import Duplicates


class NextSteps(Duplicates, EditedInList):
    """A page whose rows are said in words; saving names the next steps as links."""

    change_form_before_template = "admin/routing/sentence.html"

    @abstractmethod
    def sentence(self, row: Any) -> str:
        """Returns what a saved row does."""

    def lacks_something(self, row: Any) -> bool:
        """Whether a saved row cannot work yet."""
        return False

    def next_steps(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        """Returns what may be done next with a saved row by this user: words and address."""
        return []

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """With the sentence about the row as it is stored, and the next steps."""
        row = kwargs.get("obj")
        if row is not None and request.method == "POST":
            # A form with errors has put into this one what was entered.
            row = self.get_queryset(request).filter(pk=row.pk).first()
        if row is not None:
            context["sentence"] = self.sentence(row)
            context["steps"] = self.next_steps(request, row)
            context["copy_url"] = self.copy_url(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Says what comes next."""
        self._say_next(request, obj)
        answer: HttpResponse = super().response_add(request, obj, post_url_continue)
        return answer

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Says what comes next."""
        self._say_next(request, obj)
        answer: HttpResponse = super().response_change(request, obj)
        return answer

    def _say_next(self, request: HttpRequest, row: Any) -> None:
        # The page that is shown again has both above its form.
        if {"_popup", "_continue"} & request.POST.keys():
            return
        steps = self.next_steps(request, row)
        links = format_html_join(", ", '<a class="text-link" href="{}">{}</a>', ((url, text) for text, url in steps))
        after = format_html(" Next: {}.", links) if steps else ""
        level = messages.WARNING if self.lacks_something(row) else messages.INFO
        messages.add_message(request, level, format_html("{}{}", self.sentence(row), after))


def explain_step(request: HttpRequest, route: str) -> list[tuple[str, str]]:
    """Returns the link to the explanation of a request for a route, or to the page that explains any where it is "".

    The list is empty for those who may not open it."""
    if not request.user.has_perm("routing.view_route"):
        return []
    query = f"?{urlencode({'route': route})}" if route else ""
    return [("explain a request", f"{reverse('console:explain')}{query}")]
