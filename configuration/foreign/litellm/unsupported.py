"""What is said of LiteLLM's settings that have no counterpart here."""

from __future__ import annotations

_CLIENT_KEYS = "whoever calls gets a client key of this gateway, made in the admin."
_CIRCUIT = "CIRCUIT_FAILURES and CIRCUIT_SECONDS in the environment say when a provider is left alone."
_REDIS = "workers tell each other by the database here."
_LOGS = "LOG_LEVEL and LOG_FORMAT in the environment say what is logged; every request is a row in the admin."
_CACHE = "answers are not cached here; providers' prompt caches are used."

PARAMS = {
    "max_tokens": "a client of Claude's API always says its own.",
    "max_parallel_requests": "how many requests a credential may have at the same time is set in the admin.",
    "mock_response": "canned answers are the demo's.",
    "tags": "tags are a client key's, and rules look at them.",
    "max_budget": "budgets are not carried over.",
    "budget_duration": "budgets are not carried over.",
    "region_name": "regions are a provider's address here.",
    "azure_ad_token": "a token ends; use the resource's key.",
    "tenant_id": "a token of Entra's is not fetched here; use the resource's key.",
    "client_id": "a token of Entra's is not fetched here; use the resource's key.",
    "client_secret": "a token of Entra's is not fetched here; use the resource's key.",
}
ROUTER = {
    "allowed_fails": _CIRCUIT,
    "allowed_fails_policy": _CIRCUIT,
    "cooldown_time": _CIRCUIT,
    "disable_cooldowns": "CIRCUIT_BREAKER=false in the environment does that.",
    "redis_host": _REDIS,
    "redis_port": _REDIS,
    "redis_password": _REDIS,
    "redis_url": _REDIS,
    "retry_policy": "which errors are tried again is the gateway's own decision.",
    "retry_after": "a provider's own retry-after is heeded.",
    "content_policy_fallbacks": "a refusal is an answer here, and is passed on.",
    "enable_tag_filtering": "rules look at the tags of client keys.",
    "provider_budget_config": "budgets are not carried over.",
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
    "max_budget": "budgets are not carried over.",
    "budget_duration": "budgets are not carried over.",
    "ssl_verify": "certificates are always checked.",
}
GENERAL = {
    "master_key": _CLIENT_KEYS,
    "database_url": "DATABASE_URL in the environment is the gateway's own database.",
    "alerting": "alerts are not carried over.",
    "alerting_args": "alerts are not carried over.",
}
ABOVE = {
    "environment_variables": "set them in the environment of the workers.",
    "guardrails": "guardrails are not known here.",
    "mcp_servers": "MCP servers are the client's.",
    "vector_store_registry": "vector stores are not known here.",
}
