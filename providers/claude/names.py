"""Tool names that are too long for the other side, and the way back.

Claude takes 128 characters, most servers 64, and the names of MCP tools are long.
"""

from __future__ import annotations

import hashlib
from typing import Any


def upstream_name(name: str, limit: int) -> str:
    """The tool's name on the other side: as it is, or cut with a hash of the whole at the end."""
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def renamed_tools(body: dict[str, Any], limit: int) -> dict[str, str]:
    """Upstream name -> the client's name, for the tools that go out under another name."""
    tools = body.get("tools")
    names = [tool.get("name") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return {upstream_name(name, limit): name for name in names if isinstance(name, str) and len(name) > limit}
