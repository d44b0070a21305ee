"""Claude on Amazon Bedrock, by InvokeModel: what it takes of Claude's API.

It validates strictly: one unknown beta ("invalid beta flag") or field ("Extra inputs are not permitted") fails the
whole request.
"""

from __future__ import annotations

from functools import partial

from providers.fidelity import Fidelity
from providers.platforms.claude.everywhere import EVERYWHERE
from providers.platforms.claude.table import Row, Server

_AWS = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html"
_DOCS = "https://platform.claude.com/docs/en/"
_LITELLM = "BerriAI/litellm: anthropic_beta_headers_config.json"

_beta = partial(Row, "beta", does="forwarded", source=_AWS, read="2026-11")
_no_beta = partial(Row, "beta", does="dropped", code=Fidelity.BETA_DROPPED, source=_LITELLM, read="2026-10")
_field = partial(Row, "field", does="dropped", code=Fidelity.FIELD_DROPPED)
_tool = partial(Row, "tool", code=Fidelity.TOOL_FIELDS_DROPPED)
_server_tool = partial(
    Row, "server_tool", does="dropped", code=Fidelity.SERVER_TOOL_DROPPED, source=f"{_DOCS}build-with-claude/overview"
)

BEDROCK = Server(
    "bedrock",
    (
        _beta("computer-use-2025-01-24"),
        _beta("computer-use-2025-11-24", source=_LITELLM),
        _beta("token-efficient-tools-2025-02-19"),
        _beta("interleaved-thinking-2025-05-14"),
        _beta("output-128k-2025-02-19"),
        _beta("dev-full-thinking-2025-05-14"),
        _beta("context-1m-2025-08-07"),
        _beta("context-management-2025-06-27"),
        _beta("compact-2026-01-12", source=_LITELLM),
        _beta("effort-2025-11-24"),
        _beta("tool-search-tool-2025-10-19"),
        _beta("tool-examples-2025-10-29"),
        # One beta of Anthropic's own API is two here.
        _beta(
            "advanced-tool-use-2025-11-20",
            does="restated",
            into=("tool-search-tool-2025-10-19", "tool-examples-2025-10-29"),
        ),
        _no_beta("prompt-caching-scope-2026-01-05"),
        _no_beta("fast-mode-2026-02-01"),
        _no_beta("structured-outputs-2025-11-13"),
        _no_beta("web-search-2025-03-05"),
        _no_beta("advisor-tool-2026-03-01"),
        _no_beta("mid-conversation-system-2026-04-07", source="stdapi-ai/stdapi.ai#49", read="2026-07"),
        _field("billing_policy", source=_AWS, read="2026-11"),
        _field("compaction", source=_LITELLM, read="2026-10"),
        _field("container", source=f"{_DOCS}build-with-claude/overview", read="2026-11"),
        _field("diagnostics", source="anthropics/claude-code#82539", read="2026-07"),
        _field("fallback_credit_token", source=_AWS, read="2026-11"),
        _field("fallbacks", source=_AWS, read="2026-11"),
        _field("inference_geo", source=f"{_DOCS}build-with-claude/overview", read="2026-11"),
        _field("mcp_servers", source=f"{_DOCS}build-with-claude/overview", read="2026-11"),
        _field("safeguards", beta="dangerous-tool-use-2026-09-03", source=_LITELLM, read="2026-10"),
        _field("service_tier", source=_AWS, read="2026-11"),
        _field("speed", beta="fast-mode-2026-02-01", source=_LITELLM, read="2026-10"),
        _field("thread", source=_AWS, read="2026-11"),
        _field("context_management", beta="context-management-2025-06-27", source=_AWS, read="2026-11"),
        Row(
            "field",
            "cache_control",
            "moved",
            "UKGovernmentBEIS/inspect_ai#3851, hebo-gateway#190; “Bedrock does not support automatic caching” in "
            f"{_DOCS}build-with-claude/prompt-caching",
            "2026-11",
            code=Fidelity.CACHE_CONTROL_MOVED,
            into=("the last block",),
        ),
        Row(
            "field",
            "output_format",
            "moved",
            f"{_DOCS}build-with-claude/structured-outputs",
            "2026-11",
            into=("output_config.format",),
        ),
        *EVERYWHERE,
        _tool(
            "eager_input_streaming",
            "dropped",
            "anthropics/claude-agent-sdk-python#694, anthropics/claude-code#33237",
            "2026-03",
        ),
        _tool("defer_loading", "dropped", "BerriAI/litellm#36855", "2026-08", beta="tool-search-tool-2025-10-19"),
        _tool("input_examples", "dropped", _AWS, "2026-11", beta="tool-examples-2025-10-29"),
        _tool("allowed_callers", "dropped", "maximhq/bifrost: table of features by provider", "2026-11"),
        _server_tool("web_search_", read="2026-11"),
        _server_tool("web_fetch_", read="2026-11"),
        _server_tool("code_execution_", read="2026-11"),
        _server_tool("advisor_", source=_LITELLM, read="2026-10"),
        _server_tool("mcp_toolset", read="2026-11"),
        _server_tool(
            "tool_search_tool_",
            beta="tool-search-tool-2025-10-19",
            source=f"{_DOCS}agents-and-tools/tool-use/tool-search-tool",
            read="2026-11",
        ),
        Row("message", "role=system", "restated", "stdapi-ai/stdapi.ai#49", "2026-07", code=Fidelity.SYSTEM_RESTATED),
        Row("block", "caller", "dropped", "anthropics/anthropic-sdk-python#1112", "2026-01"),
        Row(
            "cache_control",
            "scope",
            "dropped",
            "Wei-Shaw/claude-relay-service#965",
            "2026-02",
            beta="prompt-caching-scope-2026-01-05",
            code=Fidelity.FIELD_DROPPED,
        ),
    ),
)
