"""Alerts, and the messages that take them to people and webhooks: `alerts` raises and ends them, `queue` has what is to
be sent. proxysite.alerts finds out what is worth one, and sends."""
