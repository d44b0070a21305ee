"""The reasons why LiteLLM's settings without an equivalent are not carried over."""

from __future__ import annotations

_CLIENT_KEYS = "Clients use client keys of this gateway. Create them in the admin."
_CIRCUIT = "When a failing provider is skipped is set by CIRCUIT_FAILURES and CIRCUIT_SECONDS in the environment."
_REDIS = "Workers share their state through the database."
_LOGS = "Logging is set by LOG_LEVEL and LOG_FORMAT in the environment. The admin lists every request."
_CACHE = "Answers are not cached; providers' prompt caches are used."

_ENTRA = "Entra ID tokens are not supported; use the resource's API key."
_BUDGETS = "Budgets are not carried over."

PARAMS = {
    "max_tokens": "Clients of the Claude Messages API always send their own.",
    "max_parallel_requests": "Set a credential's limit of concurrent requests in the admin.",
    "num_retries": "Retries belong to a route. Set them there.",
    "mock_response": "Canned answers are only available from the demo upstream.",
    "tags": "Tags belong to client keys; rules can use them.",
    "max_budget": _BUDGETS,
    "budget_duration": _BUDGETS,
    "region_name": "The region is part of the provider's base URL.",
    "azure_ad_token": "Tokens expire; use the resource's API key.",
    "tenant_id": _ENTRA,
    "client_id": _ENTRA,
    "client_secret": _ENTRA,
}
ROUTER = {
    "allowed_fails": _CIRCUIT,
    "allowed_fails_policy": _CIRCUIT,
    "cooldown_time": _CIRCUIT,
    "disable_cooldowns": "Set CIRCUIT_BREAKER=false in the environment.",
    "redis_host": _REDIS,
    "redis_port": _REDIS,
    "redis_password": _REDIS,
    "redis_url": _REDIS,
    "retry_policy": "The gateway decides itself which errors are retried.",
    "retry_after": "The gateway follows the provider's retry-after header.",
    "content_policy_fallbacks": "A refusal is an answer and is passed on to the client.",
    "enable_tag_filtering": "Rules can use the tags of client keys.",
    "provider_budget_config": _BUDGETS,
    "cache_responses": _CACHE,
}
LITELLM = {
    "success_callback": _LOGS,
    "failure_callback": _LOGS,
    "callbacks": _LOGS,
    "service_callbacks": _LOGS,
    "set_verbose": _LOGS,
    "json_logs": _LOGS,
    "cache": _CACHE,
    "cache_params": _CACHE,
    "content_policy_fallbacks": ROUTER["content_policy_fallbacks"],
    "allowed_fails": _CIRCUIT,
    "max_budget": _BUDGETS,
    "budget_duration": _BUDGETS,
    "ssl_verify": "Certificates are always verified.",
}
GENERAL = {
    "master_key": _CLIENT_KEYS,
    "database_url": "The gateway's own database is set by DATABASE_URL in the environment.",
    "alerting": "Alerts are not carried over.",
    "alerting_args": "Alerts are not carried over.",
}
TOP_LEVEL = {
    "environment_variables": "Set them in the environment of every worker.",
    "guardrails": "Guardrails are not supported.",
    "mcp_servers": "MCP servers belong to the client.",
    "vector_store_registry": "Vector stores are not supported.",
}
