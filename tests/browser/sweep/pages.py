"""Which pages there are, from the URLconf: a new page is among them without a word here."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from django.contrib.auth.models import User
from django.urls import reverse

from proxysite.state.models import Job
from tests.permissions import site
from tests.permissions.people import signed_in
from usage.models import Outcome, RequestLog
from usage.rollups.models import SessionSummary

PARTS = range(2)
"""The pages of the whole site take one process too long."""


def pages(reader: User | None, *beginnings: str, part: int | None = None) -> dict[str, str]:
    """Returns the paths of those pages that somebody may open, by name; one object of each kind that a page is of.

    Of `part` those of one of the PARTS, which stay the same when pages are added.
    """
    browser = signed_in(reader)
    found: dict[str, str] = {}
    for page in site.pages(reader):
        if page.name in found or not page.name.startswith(beginnings) or page.name.endswith("logout"):
            continue
        if part is not None and crc32(page.name.encode()) % len(PARTS) != part:
            continue
        answer = browser.get(page.url)
        if answer.status_code == 200 and b"</html>" in b"".join(answer):
            found[page.name] = page.url
    return found


def richer() -> Iterator[str]:
    """Yields further pages of the admin, which show what the plain ones lack."""
    requests = RequestLog.objects.order_by("-id")
    for row in (
        requests.filter(attempts__gt=1, outcome=Outcome.COMPLETED)[0],
        requests.filter(outcome=Outcome.REFUSED)[0],
    ):
        yield reverse("admin:usage_requestlog_change", args=[row.pk])
    longest = SessionSummary.objects.order_by("-requests")[0]
    yield reverse("console:session", args=[longest.pk])
    for kind in (Job.Kind.EXPORT, Job.Kind.FETCH, Job.Kind.IMPORT):
        yield reverse("console:job", args=[Job.objects.filter(kind=kind).earliest("pk").pk])
    yield "/admin/?range=30d&metric=requests&group=team"
    yield "/admin/usage/requestlog/?range=30d&group=session"
    yield "/admin/usage/requestlog/?range=30d&outcome__exact=failed&outcome__exact=refused"
    yield "/admin/console/explorer/?range=30d&metric=tokens&group=team&subgroup=model"
    yield "/admin/console/explorer/?range=7d&metric=error_rate&group=provider"
    # A filter that leaves nothing.
    yield "/admin/providers/provider/?q=nothing-has-this-name"
