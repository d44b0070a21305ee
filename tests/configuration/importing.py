"""A configuration file that is sent to the page, and the steps of its job."""

from __future__ import annotations

import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from proxysite.state.models import Job

SECRET = "marked-secret-of-the-file"
FILE = f"""version: 1
teams:
- name: Research
providers:
- name: vendor
  dialect: openai_chat
  base_url: https://vendor.example/v1
  credentials:
  - secret: {SECRET}
"""


def sent(browser: Client, text: str, format: str = "auto") -> Job:
    """Sends a file; its job waits."""
    file = SimpleUploadedFile("gateway.yaml", text.encode())
    answer: Any = browser.post(reverse("console:configuration"), {"file": file, "format": format})
    assert answer.status_code == 302, answer.content.decode()
    job = Job.objects.latest("pk")
    assert answer.url == page_of(job)
    return job


def looked_at(browser: Client, text: str, format: str = "auto") -> tuple[Job, str]:
    """Sends a file and has its job look at it; returns it with its page."""
    job = sent(browser, text, format)
    call_command("run_jobs", verbosity=0)
    return job, read(browser, job)


def applied(browser: Client, job: Job, mark: str = "") -> str:
    """Presses "Apply these changes", has the job apply them, and returns its page."""
    pressed = press(browser, job, mark or mark_on(read(browser, job)))
    assert pressed.status_code == 302, pressed.content.decode()
    call_command("run_jobs", verbosity=0)
    return read(browser, job)


def press(browser: Client, job: Job, mark: str) -> Any:
    """Sends the form of the differences that have this mark."""
    return browser.post(reverse("console:job-apply", args=[job.pk]), {"mark": mark})


def read(browser: Client, job: Job) -> str:
    """Returns the job's page. The job is as it is now."""
    job.refresh_from_db()
    return browser.get(page_of(job)).content.decode()


def page_of(job: Job) -> str:
    """Returns the path of a job's page."""
    return reverse("console:job", args=[job.pk])


def mark_on(page: str) -> str:
    """Returns the mark of the differences on a page."""
    found = re.search(r'name="mark" value="([0-9a-f]{64})"', page)
    assert found is not None, page
    return found[1]
