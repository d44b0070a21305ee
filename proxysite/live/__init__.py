"""The live view: what runs now and what ended last in every worker, and how one of it is cut.

A browser's WebSocket keeps a look alive, which workers notice by a counter that they read anyway. Each then writes one
row a second. Nothing is written, and nothing is measured, while nobody looks.
"""

from __future__ import annotations

from typing import Final

SOCKET: Final = "/admin/console/live/socket"
MY_SOCKET: Final = "/my/live/socket"
"""That of pages which show nobody more than their memberships give."""
SOCKETS: Final = frozenset({SOCKET, MY_SOCKET})
"""The paths of WebSockets. Everywhere else an offer of one is declined and the request answered."""
