"""Report tokens: what they look like, which are in force, and how often their use is noted."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access.key_format import new_secret
from access.keys import new_key
from access.models import AuditEntry, ReportToken, Team
from access.report_tokens.tokens import PATTERN, PREFIX, TokenRefused, give_secret, token_of

pytestmark = pytest.mark.django_db


def made(**fields: Any) -> tuple[str, ReportToken]:
    """Makes a token; returns its secret and its row."""
    token = ReportToken(**{"name": "Finance spreadsheet", **fields})
    secret = give_secret(token)
    token.save()
    return secret, token


def test_a_secret_has_the_published_pattern_and_opens_its_token() -> None:
    team = Team.objects.create(name="Blue")
    secret, token = made(team=team)
    assert re.fullmatch(PATTERN, secret)
    assert secret.startswith(token.prefix)
    assert secret not in str(ReportToken.objects.values())
    assert (token_of(secret), token_of(secret).team) == (token, team)


def test_what_was_not_copied_whole_is_not_looked_up(django_assert_num_queries: Any) -> None:
    secret, _ = made()
    wrong = [secret[:-1], f"{secret}a", secret.swapcase(), PREFIX, "", "nonsense", secret.replace("rpt-", "rpt_")]
    with django_assert_num_queries(0):
        for text in [*wrong, new_key().secret, f"{PREFIX}{'é' * 49}"]:
            with pytest.raises(TokenRefused) as refused:
                token_of(text)
            assert refused.value.code == "token_unknown"


@pytest.mark.parametrize(
    ("fields", "code", "says"),
    [
        ({"enabled": False}, "token_disabled", "Ask an administrator of this gateway to enable it."),
        ({"expires_at": timezone.now()}, "token_expired", "has expired. Ask an administrator"),
    ],
)
def test_a_token_that_is_not_in_force_says_what_to_do(fields: dict[str, Any], code: str, says: str) -> None:
    secret, token = made(**fields)
    with pytest.raises(TokenRefused, match=says) as refused:
        token_of(secret)
    assert (refused.value.code, secret in str(refused.value)) == (code, False)
    token.refresh_from_db()
    assert token.last_used_at is None


def test_a_token_of_nobody_is_unknown_and_a_client_key_is_named_as_one() -> None:
    with pytest.raises(TokenRefused, match="it was deleted, or not copied whole"):
        token_of(new_secret(PREFIX))
    with pytest.raises(TokenRefused, match="This is a client key, which reads no reports"):
        token_of(new_key().secret)


def test_its_use_is_noted_once_a_minute_and_in_no_audit() -> None:
    secret, token = made(expires_at=timezone.now() + timedelta(days=1))
    entries = AuditEntry.objects.count()
    token_of(secret)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    token_of(secret)
    token.refresh_from_db()
    assert token.last_used_at == first
    ReportToken.objects.update(last_used_at=first - timedelta(minutes=1))
    token_of(secret)
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_at >= first
    assert AuditEntry.objects.count() == entries
