"""A member of staff who tries to carry secrets out: marked secrets, a hostile server, and every page of the site.

Pages come from the URLconf and the admin's registry. A page whose address has a part that is not known here, or a model
without a row, fails the test that uses it, so that none is forgotten.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.test import RequestFactory
from django.urls import get_resolver, reverse

_LEFT_OUT = {"logout", "login", None}
"""Pages that are no pages of their own; `None` are redirects and the last pattern, which answers 404."""
_OF_MEMBERS = {
    "team_id": 1, "key_id": 1, "membership_id": 1, "invitation_id": 1, "row_id": UUID(int=1), "action": "rotate",
    "token": "x", "budget_id": 1, "increase_id": 1, "number": 1, "limit_id": 1, "request_log_id": UUID(int=1),
    "session_id": UUID(int=1), "format": "csv", "reconciliation_id": 1, "view_id": 1, "job_id": 1, "kind": "reprice",
    "export_id": 1, "import_id": 1,
}  # fmt: skip
"""What the pages at /my/ and of people on their way in name; tests/my looks at these with rows of somebody's own."""


class HostileServer:
    """Takes everything down that reaches it, and answers as a provider's list of models, or with another status."""

    def __init__(self, status: int = 200) -> None:
        self.received: list[bytes] = []
        taken = self.received

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                taken.append(f"{self.requestline}\n{self.headers}".encode() + body)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(b'{"data": [{"id": "m"}]}')

            do_GET = do_POST = do_CONNECT = _answer

            def log_message(self, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HostileServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def permissions() -> list[str]:
    """Returns every permission that there is, as app.codename."""
    found = []
    for model in apps.get_models():
        meta = model._meta
        found += [f"{meta.app_label}.{verb}_{meta.model_name}" for verb in meta.default_permissions]
        found += [f"{meta.app_label}.{codename}" for codename, _ in meta.permissions]
    return found


def rows() -> dict[str, Any]:
    """Returns a row of each model that the admin shows, by app_model."""
    found = {}
    for model in admin.site._registry:
        row = model._default_manager.order_by("pk").first()
        assert row is not None, f"make a row of {model._meta.label}"
        found[f"{model._meta.app_label}_{model._meta.model_name}"] = row
    return found


def pages(user: Any = None) -> Iterator[str]:
    """Yields the address of each page, with the ids of existing rows; without models of which `user` may do nothing."""
    known = rows()
    closed = set() if user is None else {label for label, page in _shown() if not _may_anything(page, user)}
    for namespaces, name, parameters in _named(get_resolver()):
        if name not in _LEFT_OUT and not any(name.startswith(f"{label}_") for label in closed):
            yield reverse(":".join([*namespaces, name]), kwargs=_filled(name, parameters, known))


def _shown() -> Iterator[tuple[str, Any]]:
    for model, page in admin.site._registry.items():
        yield f"{model._meta.app_label}_{model._meta.model_name}", page


def _may_anything(page: Any, user: Any) -> bool:
    request = RequestFactory().get("/")
    request.user = user
    return page.has_module_permission(request) and any(page.get_model_perms(request).values())


def _named(resolver: Any, namespaces: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, set[str]]]:
    for pattern in resolver.url_patterns:
        converters = set(pattern.pattern.converters) | set(getattr(pattern.pattern, "regex").groupindex)  # noqa: B009
        if hasattr(pattern, "url_patterns"):
            inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from _named(pattern, inner)
        else:
            yield namespaces, pattern.name, converters


def _filled(name: str, parameters: set[str], known: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for parameter in parameters:
        if parameter == "provider_id":
            values[parameter] = known["providers_provider"].pk
        elif name.startswith("report-of"):
            values[parameter] = "tags"
        elif parameter in _OF_MEMBERS:
            values[parameter] = _OF_MEMBERS[parameter]
        elif parameter == "app_label":
            values[parameter] = "providers"
        elif parameter == "content_type_id":
            values[parameter] = ContentType.objects.get_for_model(type(known["providers_provider"])).pk
        elif name == "view_on_site":
            values[parameter] = known["providers_provider"].pk
        elif parameter in ("object_id", "id"):
            (label,) = (label for label in known if name.startswith(f"{label}_"))
            values[parameter] = known[label].pk
        else:
            raise NotImplementedError(f"say here what {parameter} of the page {name} is")
    return values
