"""The admin pages of access: teams, people's invitations and keys, budgets, limits, the audit, alerts, webhooks."""

from access.admin import alert_messages, audit, budgets, client_keys, increases, invitations, limits, teams, webhooks

__all__ = [
    "alert_messages",
    "audit",
    "budgets",
    "client_keys",
    "increases",
    "invitations",
    "limits",
    "teams",
    "webhooks",
]
