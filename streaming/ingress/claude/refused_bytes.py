"""Claude's error for what is no request, so that nothing of a request's way has been gone."""

from __future__ import annotations

from streaming.exchange.client import Headers
from streaming.ingress.claude.errors import ClaudeError
from usage.journal.account import new_identity, request_id_of


def refused_bytes(status: int, message: str) -> tuple[Headers, bytes]:
    """Returns the headers and the body that refuse bytes which are no request, or a connection."""
    request_id = request_id_of(new_identity())
    body = ClaudeError(status, message).body(request_id)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"request-id", request_id.encode()),
    ]
    return headers + ([(b"retry-after", b"5")] if status == 429 else []), body
