"""What a provider may send, and how much of it is held: bytes, fields, seconds."""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 64 * 1024
"""Of one head; each informational one (1xx) counts for itself."""
FIELDS: Final = 128
LINE_BYTES: Final = 16 * 1024
"""Of one field: its name, the colon and its value."""
CHUNK_OVERHEAD: Final = 32
"""Bytes around each piece of a chunked body that no limit counts: its size and the line ends."""
FRAMING_BYTES: Final = 64 * 1024
"""What else a chunked body may hold beside its content: extensions of chunks, and trailers."""
HELD_BYTES: Final = 256 * 1024
"""A body of which more than this waits for its reader is read no further until it was taken."""
SMALL_BODY: Final = 64 * 1024
"""A request's body up to this size goes out with its head in one write."""
SLICE: Final = 256 * 1024
"""A larger one goes out in slices, each after the one before has left."""
IDLE_CONNECTIONS: Final = 256
"""Of one provider and worker."""
IDLE_SECONDS: Final = 75.0
SWEEP_SECONDS: Final = 30.0
RESOLVED_SECONDS: Final = 30.0
"""How long the addresses of a name are taken from memory."""
NEXT_ADDRESS: Final = 0.25
"""Seconds after which the next address of a name is tried beside the one before (RFC 8305)."""
