"""Visits to a gateway in Chromium, and what went wrong during them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response

from tests.harness.patience import PATIENCE

DESK = (1440, 900)
PHONE = (390, 844)
"""Width and height of a window, in CSS pixels."""
_POLICIES = ("Content Security Policy", "Permissions-Policy")


class Visits:
    """The visits of one test; each has cookies and a storage of its own, as another person's browser has.

    `complaints` are the errors of scripts, those that the console shows, what it shows at any level about a policy of
    the page (Content-Security-Policy, Permissions-Policy), and the answers of 500 and above, of all visits, in the
    order in which they came. A test that provokes one looks for it there and takes it out (`provoked`).
    """

    def __init__(self, browser: Browser) -> None:
        self.complaints: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def begin(self, size: tuple[int, int] = DESK, **options: Any) -> Page:
        """A page of a signed-out visitor; `options` are those of Playwright's `new_context`."""
        width, height = size
        context = self._browser.new_context(viewport={"width": width, "height": height}, **options)
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE * 1000)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.complaints.append(f"error of a script: {error.error}"))
        context.on("response", self._on_response)
        return context.new_page()

    def provoked(self, status: int, *paths: str) -> None:
        """Take out the complaints about answers of `status` from these paths; each of them must have given one."""
        words = f"responded with a status of {status} "
        meant = {
            complaint: path
            for complaint in self.complaints
            if words in complaint and (path := urlsplit(complaint.partition(": ")[0]).path) in paths
        }
        assert set(meant.values()) == set(paths), self.complaints
        self.complaints[:] = [complaint for complaint in self.complaints if complaint not in meant]

    def end(self) -> None:
        """Close all."""
        for context in self._contexts:
            context.close()

    def keep(self, folder: Path, name: str) -> list[Path]:
        """Pictures and sources of the open pages, as `<name>-<number>.png` and `.html`; where they are."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = []
        for number, page in enumerate((page for context in self._contexts for page in context.pages), 1):
            picture = folder / f"{name}-{number}.png"
            page.screenshot(path=picture, full_page=True)
            picture.with_suffix(".html").write_text(f"<!-- {page.url} -->\n{page.content()}")
            kept.append(picture)
        return kept

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" or any(policy in message.text for policy in _POLICIES):
            self.complaints.append(f"{message.location.get('url', '')}: {message.text}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} from {response.url}")
