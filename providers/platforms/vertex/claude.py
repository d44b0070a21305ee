"""Claude on Google's Vertex AI: what it takes of Claude's API.

It refuses a beta that the model's own server does not know yet ("Unexpected value(s) … for the `anthropic-beta`
header"), and every beta while counting.
"""

from __future__ import annotations

from functools import partial

from providers.fidelity import Fidelity
from providers.platforms.claude.everywhere import EVERYWHERE
from providers.platforms.claude.table import Row, Server

_DOCS = "https://platform.claude.com/docs/en/"
_LITELLM = "BerriAI/litellm: anthropic_beta_headers_config.json"
_FEATURES = "https://platform.claude.com/docs/en/build-with-claude/overview"

_beta = partial(Row, "beta", does="forwarded", source=_LITELLM, read="2026-10")
_no_beta = partial(Row, "beta", does="dropped", code=Fidelity.BETA_DROPPED, source=_LITELLM, read="2026-10")
_field = partial(Row, "field", does="dropped", code=Fidelity.FIELD_DROPPED)
_tool = partial(Row, "tool", code=Fidelity.TOOL_FIELDS_DROPPED)
_server_tool = partial(
    Row, "server_tool", does="dropped", code=Fidelity.SERVER_TOOL_DROPPED, source=_FEATURES, read="2026-11"
)

VERTEX = Server(
    "vertex",
    (
        _beta("computer-use-2025-01-24"),
        _beta("computer-use-2025-11-24"),
        _beta("context-1m-2025-08-07"),
        _beta("context-management-2025-06-27"),
        _beta("compact-2026-01-12"),
        _beta("interleaved-thinking-2025-05-14"),
        _beta("tool-search-tool-2025-10-19"),
        _beta("web-search-2025-03-05"),
        _beta("thinking-binding-controls-2026-08-01"),
        _beta(
            "mid-conversation-tool-changes-2026-07-01",
            source=f"{_DOCS}build-with-claude/mid-conversation-system-messages",
            read="2026-11",
        ),
        _beta("advanced-tool-use-2025-11-20", does="restated", into=("tool-search-tool-2025-10-19",)),
        _no_beta("prompt-caching-scope-2026-01-05", source="anthropics/claude-code#21625", read="2026-01"),
        _no_beta("prompt-caching-2024-07-31", source="vercel/ai#4431", read="2025-01"),
        _no_beta("structured-outputs-2025-11-13", source="anthropics/anthropic-sdk-python#1115", read="2026-01"),
        _no_beta("effort-2025-11-24", source="anthropics/anthropic-sdk-typescript#1016", read="2026-04"),
        _no_beta("fine-grained-tool-streaming-2025-05-14"),
        _no_beta("code-execution-2025-08-25", source="pydantic/pydantic-ai#2512", read="2025-08"),
        _no_beta("fast-mode-2026-02-01"),
        _no_beta("advisor-tool-2026-03-01"),
        _field("billing_policy", source=_FEATURES, read="2026-11"),
        _field("compaction", beta="compact-2026-09-04", source=_LITELLM, read="2026-10"),
        _field("container", source=_FEATURES, read="2026-11"),
        _field("diagnostics", source="anthropics/claude-code#82539", read="2026-07"),
        _field("fallback_credit_token", source=_FEATURES, read="2026-11"),
        _field("fallbacks", source=_FEATURES, read="2026-11"),
        _field("inference_geo", source=_FEATURES, read="2026-11"),
        _field("mcp_servers", source=_FEATURES, read="2026-11"),
        _field("safeguards", beta="dangerous-tool-use-2026-09-03", source=_LITELLM, read="2026-10"),
        _field("service_tier", source=_FEATURES, read="2026-11"),
        _field("speed", beta="fast-mode-2026-02-01", source=_LITELLM, read="2026-10"),
        _field("thread", source=_FEATURES, read="2026-11"),
        _field("context_management", beta="context-management-2025-06-27", source=_LITELLM, read="2026-10"),
        Row(
            "field",
            "cache_control",
            "moved",
            "UKGovernmentBEIS/inspect_ai#3851, langchain-ai/langchain-google#1612",
            "2026-05",
            code=Fidelity.CACHE_CONTROL_MOVED,
            into=("the last block",),
        ),
        Row(
            "field",
            "output_format",
            "moved",
            f"{_DOCS}build-with-claude/structured-outputs, vercel/ai#20717",
            "2026-09",
            into=("output_config.format",),
        ),
        *EVERYWHERE,
        _tool(
            "eager_input_streaming",
            "dropped",
            "maximhq/bifrost: table of features by provider; anthropics/claude-code#33237 for the wording",
            "2026-11",
            beta="fine-grained-tool-streaming-2025-05-14",
        ),
        _tool("defer_loading", "dropped", _LITELLM, "2026-10", beta="tool-search-tool-2025-10-19"),
        _tool("input_examples", "dropped", _LITELLM, "2026-10", beta="tool-examples-2025-10-29"),
        _tool("allowed_callers", "dropped", "maximhq/bifrost: table of features by provider", "2026-11"),
        _server_tool("web_fetch_"),
        _server_tool("code_execution_"),
        _server_tool("advisor_", source=_LITELLM, read="2026-10"),
        _server_tool("mcp_toolset"),
        _server_tool(
            "tool_search_tool_",
            beta="tool-search-tool-2025-10-19",
            source=f"{_DOCS}agents-and-tools/tool-use/tool-search-tool",
        ),
        # In place for models that take it: BerriAI/litellm's tests of the hoist on Vertex, 2026-08.
        Row(
            "message",
            "role=system",
            "forwarded",
            f"{_DOCS}build-with-claude/mid-conversation-system-messages",
            "2026-11",
            code=Fidelity.SYSTEM_RESTATED,
        ),
        Row("block", "caller", "dropped", "anthropics/anthropic-sdk-python#1112", "2026-01"),
        Row(
            "cache_control",
            "scope",
            "dropped",
            "anthropics/claude-code#21625",
            "2026-01",
            beta="prompt-caching-scope-2026-01-05",
            code=Fidelity.FIELD_DROPPED,
        ),
    ),
)
