"""The page of configuration files: export, and import in two steps: what a file would change, then the same applied.

A file is not kept between the steps, because it may hold secrets: the browser sends it again, with a mark of what was
shown. If the file or the rows differ by then, nothing is written and the differences are shown anew.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from access.audit import record
from access.permissions import EXPORT, IMPORT, may
from configuration.apply.import_configuration import import_configuration
from configuration.apply.import_report import ImportReport
from configuration.file.exporting import export_text
from configuration.file.lines import line_of
from configuration.file.reading import ParsedFile, read_text
from configuration.file.schema import ConfigurationError

SHOWN: Final = 300
"""Rows whose changes a page lists."""
_MOST_BYTES: Final = 2_000_000
_MOST_JSON5: Final = 50_000
_FORMATS: Final = {
    "auto": "Automatic",
    "ours": "This gateway's own",
    "ccr": "claude-code-router",
    "litellm": "LiteLLM",
}


class ImportForm(forms.Form):
    """A file, and the mark of the differences that were looked at, if they were."""

    file = forms.FileField(
        max_length=200,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".yaml,.yml,.json,.json5,.txt"}),
        help_text="This gateway's own, claude-code-router's config.json or LiteLLM's config.yaml, of up to 2 MB; "
        "JSON with comments or trailing commas, of up to 50 kB.",
    )
    format = forms.ChoiceField(choices=list(_FORMATS.items()), initial="auto", widget=UnfoldAdminSelectWidget)
    mark = forms.CharField(required=False, max_length=64)

    def clean_file(self) -> str:
        """Returns the text of the file."""
        file = self.cleaned_data["file"]
        if file.size > _MOST_BYTES:
            raise forms.ValidationError(
                "The file has more than 2 MB. Import it on the gateway's host with ./gateway import_config."
            )
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError(f"The file is not UTF-8 text: byte {error.start} is invalid.") from error


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Both forms; a POST shows what the file would change, or changes it."""
    may_export, may_import = may(request.user, EXPORT), may(request.user, IMPORT)
    if not (may_import if request.method == "POST" else may_export or may_import):
        raise PermissionDenied
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Configuration file",
        "form": ImportForm(),
        "may_export": may_export,
        "may_import": may_import,
    }
    if request.method == "POST":
        context |= _imported(ImportForm(request.POST, request.FILES))
    return TemplateResponse(request, "console/configuration.html", context)


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """The configuration as YAML, without secrets; `keys` and `people` are added where they are asked for."""
    if not may(request.user, EXPORT):
        raise PermissionDenied
    with_keys, with_people = (bool(request.GET.get(name)) for name in ("keys", "people"))
    with transaction.atomic():
        text = export_text(with_keys=with_keys, with_people=with_people)
        record("configuration exported", changes={"with keys": with_keys, "people": with_people})
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="gateway-{timezone.localdate()}.yaml"'
    return response


def mark_of(text: str, report: ImportReport) -> str:
    """Returns what tells a file with its differences from any other."""
    found = hashlib.sha256(text.encode())
    for change in report.changes:
        found.update(repr((change.action, change.kind, change.name, change.lines)).encode())
    return found.hexdigest()


def _imported(form: ImportForm) -> dict[str, Any]:
    """What the page shows of a file that was sent: errors, the differences, or what was done."""
    if not form.is_valid():
        return {"form": form}
    text, mark = form.cleaned_data["file"], form.cleaned_data["mark"]
    try:
        # Variables that a file of another gateway names are not read: their values would be shown.
        parsed = read_text(text, form.cleaned_data["format"], environ={}, most_json5=_MOST_JSON5)
        with transaction.atomic():
            # Without a mark nothing was looked at yet. What differs from what was looked at is taken back.
            report = import_configuration(parsed, write=bool(mark))
            seen = mark_of(text, report)
            if mark == seen:
                record("configuration imported", changes={"format": parsed.title, **dict(report.count())})
            else:
                transaction.set_rollback(True)
    except ConfigurationError as error:
        line = line_of(text, str(error))
        return {"form": form, "problem": f"Nothing was written. {f'Line {line}: ' if line else ''}{error}"}
    if mark != seen:
        return {"form": form, "changed": bool(mark), "mark": seen, **_shown(report, parsed)}
    return {"form": ImportForm(), "done": True, **_shown(report, parsed)}


def _shown(report: ImportReport, parsed: ParsedFile) -> dict[str, Any]:
    changes = [change for change in report.changes if change.action != "same"]
    count = report.count()
    return {
        "report": report,
        "format": parsed.title,
        "changes": changes[:SHOWN],
        "more": max(0, len(changes) - SHOWN),
        "counts": {action: count[action] for action in ("create", "change", "remove", "same")},
        "untouched": [(kind, names[:20], max(0, len(names) - 20)) for kind, names in report.untouched.items()],
    }
