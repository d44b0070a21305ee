"""The text that quickstart prints: addresses and lines to paste. Secrets appear only in the run that created them."""

from __future__ import annotations

from django.urls import reverse

from access.connect import paste_lines
from proxysite.quickstart.provision import ADMIN_NAME, Provisioned

_NO_KEY = "YOUR-CLIENT-KEY"


def text(result: Provisioned, base_url: str) -> str:
    """The complete message; each `export` and the `curl` has a line of its own."""
    lines = ["", f"  Gateway     {base_url}", f"  Admin       {base_url}{reverse('admin:index')}"]
    if result.password:
        lines.append(f"  Sign in     {ADMIN_NAME} / {result.password}    (shown only now)")
    else:
        lines.append(
            "  Sign in     with the password of the first start; to set a new one: manage.py changepassword NAME"
        )
    if result.client_key:
        lines.append(f"  Client key  {result.client_key}    (shown only now)")
    else:
        where = f"{base_url}{reverse('admin:access_clientkey_add')}"
        lines.append(f"  Client key  shown when it was created; create another at {where}")
    lines.append(f"  Providers   {', '.join(result.providers) or 'none yet: add one in the admin'}")
    if result.missing:
        lines.append(f"  Skipped     ollama: {result.missing}")
    address, token, curl = paste_lines(base_url, result.client_key or _NO_KEY, result.route or "demo")
    lines += ["", "Try it in another terminal:", "", curl.text, ""]
    lines += ["Claude Code and the SDKs:", "", address.text, token.text, ""]
    return "\n".join(lines)
