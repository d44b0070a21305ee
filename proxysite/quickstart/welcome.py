"""What quickstart prints: where to go, what to paste. Secrets appear only in the run that made them."""

from __future__ import annotations

from django.urls import reverse

from access.connect import paste_lines
from proxysite.quickstart.provision import ADMIN_NAME, Made

_NO_KEY = "YOUR-CLIENT-KEY"


def text(made: Made, base_url: str) -> str:
    """The whole message; each `export` and the `curl` stand alone on a line."""
    lines = ["", f"  Gateway     {base_url}", f"  Admin       {base_url}{reverse('admin:index')}"]
    if made.password:
        lines.append(f"  Sign in     {ADMIN_NAME} / {made.password}    (shown only now)")
    else:
        lines.append("  Sign in     with the password of the first start; a new one: manage.py changepassword NAME")
    if made.client_key:
        lines.append(f"  Client key  {made.client_key}    (shown only now)")
    else:
        where = f"{base_url}{reverse('admin:access_clientkey_add')}"
        lines.append(f"  Client key  shown when it was made; make another at {where}")
    lines.append(f"  Providers   {', '.join(made.providers) or 'none yet: add one in the admin'}")
    if made.missing:
        lines.append(f"  Not made    ollama: {made.missing}")
    address, token, curl = paste_lines(base_url, made.client_key or _NO_KEY, made.route or "demo")
    lines += ["", "Try it in another terminal:", "", curl.text, ""]
    lines += ["Claude Code and the SDKs:", "", address.text, token.text, ""]
    return "\n".join(lines)
