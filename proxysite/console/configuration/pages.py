"""The page of configuration files: export, and import as a job, which looks at a file and applies it when its page is
told to (proxysite.console.jobs.importing)."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from access.audit import record
from access.permissions import EXPORT, may
from configuration.file.exporting import export_text
from proxysite.console.jobs.asking import ask
from proxysite.console.jobs.importing import may_import as may_import_files
from proxysite.state.jobs import imports
from proxysite.state.models import OPEN, Job

_MOST_BYTES: Final = 2_000_000
_FORMATS: Final = {
    "auto": "Automatic",
    "ours": "This gateway's own",
    "ccr": "claude-code-router",
    "litellm": "LiteLLM",
}


class ImportForm(forms.Form):
    """A file, and what it is."""

    file = forms.FileField(
        max_length=200,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".yaml,.yml,.json,.json5,.txt"}),
        help_text="This gateway's own, claude-code-router's config.json or LiteLLM's config.yaml, of up to 2 MB; "
        "JSON with comments or trailing commas, of up to 50 kB.",
    )
    format = forms.ChoiceField(choices=list(_FORMATS.items()), initial="auto", widget=UnfoldAdminSelectWidget)

    def clean_file(self) -> tuple[str, str]:
        """Returns the name of the file and its text."""
        file = self.cleaned_data["file"]
        if not settings.ENCRYPTION_KEYS:
            raise forms.ValidationError(
                "ENCRYPTION_KEYS is empty, so the file, which may hold secrets, cannot be kept until it is applied. "
                "Set a key from ./gateway generate_key, or import the file on the gateway's host with "
                "./gateway import_config."
            )
        if file.size > _MOST_BYTES:
            raise forms.ValidationError(
                "The file has more than 2 MB. Import it on the gateway's host with ./gateway import_config."
            )
        try:
            return str(file.name), str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError(f"The file is not UTF-8 text: byte {error.start} is invalid.") from error


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Both forms; a POST has a job look at a file."""
    may_export, may_import = may(request.user, EXPORT), may_import_files(request.user)
    if not (may_import if request.method == "POST" else may_export or may_import):
        raise PermissionDenied
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_bound and form.is_valid():
        name, text = form.cleaned_data["file"]
        answer: HttpResponse = ask(request, Job.Kind.IMPORT, imports.options(name, form.cleaned_data["format"]), text)
        if "HX-Request" in request.headers:
            # The script that sent the file keeps it chosen where there is an error, and goes to another page by this.
            answer = HttpResponse(headers={"HX-Redirect": answer["Location"]})
        return answer
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Configuration file",
        "form": form,
        "may_export": may_export,
        "may_import": may_import,
        "open_jobs": Job.objects.filter(kind=Job.Kind.IMPORT, state__in=OPEN).order_by("pk") if may_import else (),
    }
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
