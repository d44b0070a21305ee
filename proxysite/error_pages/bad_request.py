"""The page of a request that Django does not take, such as one of a form that is too large."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def page(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return render(request, "400.html", {"reason": _reason(exception)}, status=400)


def _reason(exception: Exception) -> str:
    if isinstance(exception, DisallowedHost):
        # Not which: a page repeats nothing of a request that was not meant for it.
        return "The gateway does not answer at this address. Whoever runs it can add the name to ALLOWED_HOSTS."
    if isinstance(exception, TooManyFieldsSent):
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return f"The form has more than {most:,} fields. Nothing was saved: go back and save fewer rows at a time."
    if isinstance(exception, (RequestDataTooBig, TooManyFilesSent)):
        return "The form is too large. Nothing was saved: go back and send less at a time."
    return "The gateway did not understand what the browser sent. Nothing was saved."
