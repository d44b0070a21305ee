"""The signature of a webhook's body: HMAC-SHA256 over the time and the body, so that neither can be replaced and an old
request can be refused. docs/alerts.md says how to verify it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

HEADER: Final = "gateway-signature"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Returns the header's value: `t=SECONDS,v1=HEX`."""
    signed = str(timestamp).encode() + b"." + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
