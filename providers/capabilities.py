"""The closed list of things that a model may or may not be able to do."""

from __future__ import annotations

from typing import Final

CAPABILITIES: Final[dict[str, str]] = {
    "tools": "calls tools",
    "images": "reads images",
    "documents": "reads PDF documents",
    "thinking": "thinks before it answers",
    "structured_output": "follows a JSON schema",
    "prefill": "goes on from a beginning of the answer that is given",
}
"""Name -> what it means, as the admin shows it."""
