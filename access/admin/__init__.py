"""The admin pages of access: teams, people's invitations and keys, budgets, limits, tokens, the audit, alerts."""

from access.admin import (
    alert_messages,
    audit,
    budgets,
    client_keys,
    increases,
    invitations,
    limits,
    report_tokens,
    teams,
    webhooks,
)

__all__ = [
    "alert_messages",
    "audit",
    "budgets",
    "client_keys",
    "increases",
    "invitations",
    "limits",
    "report_tokens",
    "teams",
    "webhooks",
]
