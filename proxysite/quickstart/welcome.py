"""What quickstart prints: where to go, what to paste. Secrets appear only in the run that made them."""

from __future__ import annotations

import json

from django.urls import reverse

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
    lines += ["", "Try it in another terminal:", "", _curl(made, base_url), ""]
    lines += ["Claude Code and the SDKs:", "", f"export ANTHROPIC_BASE_URL={base_url}"]
    lines += [f"export ANTHROPIC_AUTH_TOKEN={made.client_key or _NO_KEY}", ""]
    return "\n".join(lines)


def _curl(made: Made, base_url: str) -> str:
    body = {
        "model": made.route or "demo",
        "max_tokens": 300,
        "stream": True,
        "messages": [{"role": "user", "content": "What is 2+2?"}],
    }
    return (
        f"curl -N {base_url}/v1/messages -H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' "
        f"-H 'x-api-key: {made.client_key or _NO_KEY}' -d '{json.dumps(body, separators=(',', ':'))}'"
    )
