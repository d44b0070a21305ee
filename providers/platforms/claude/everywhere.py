"""What no cloud that sells Claude takes, as far as is known: rows that stand in every table."""

from __future__ import annotations

from providers.fidelity import Fidelity
from providers.platforms.claude.table import Row

_DOCS = "https://platform.claude.com/docs/en/"

EVERYWHERE = (
    Row(
        "output_config",
        "task_budget",
        "dropped",
        "maximhq/bifrost: table of features by provider",
        "2026-11",
        beta="task-budgets-2026-03-13",
        code=Fidelity.FIELD_DROPPED,
    ),
    Row(
        "thinking",
        "block_binding",
        "dropped",
        f"{_DOCS}build-with-claude/thinking-troubleshooting",
        "2026-10",
        beta="thinking-binding-controls-2026-08-01",
        code=Fidelity.FIELD_DROPPED,
    ),
    Row(
        "thinking",
        "display=updates",
        "dropped",
        f"{_DOCS}build-with-claude/thinking",
        "2026-10",
        beta="thinking-display-updates-2026-08-18",
        code=Fidelity.FIELD_DROPPED,
    ),
    Row(
        "edit",
        "compact_",
        "dropped",
        f"{_DOCS}build-with-claude/compaction",
        "2026-11",
        beta="compact-2026-01-12",
        code=Fidelity.FIELD_DROPPED,
    ),
    Row(
        "message",
        "clear_at",
        "dropped",
        f"{_DOCS}build-with-claude/mid-conversation-system-messages",
        "2026-11",
        beta="mid-conversation-system-clear-at-2026-08-21",
        code=Fidelity.FIELD_DROPPED,
    ),
    Row(
        "message",
        "output_config",
        "dropped",
        f"{_DOCS}build-with-claude/effort",
        "2026-11",
        beta="mid-conversation-output-config-2026-07-01",
        code=Fidelity.FIELD_DROPPED,
    ),
    Row(
        "block",
        "type=tool_reference",
        "restated",
        f"{_DOCS}agents-and-tools/tool-use/tool-search-tool",
        "2026-11",
        beta="tool-search-tool-2025-10-19",
        code=Fidelity.TOOL_REFERENCE_AS_TEXT,
    ),
)
