"""A statement's PDF says what its page says, whatever characters names have."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access.models import Team
from tests.usage.added import store
from tests.usage.dated import day, request
from tests.usage.statements.pdf_text import text_of_pdf
from usage.statements import fonts
from usage.statements.closing import close
from usage.statements.models import ExchangeRate, Statement
from usage.statements.pdf import pdf
from usage.statements.sheet import sheet_of

pytestmark = pytest.mark.django_db


def _statement(name: str = "Search", models: int = 2) -> Statement:
    team = Team.objects.create(name=name, cost_centre="CC-4711", contact="billing@example.com")
    ExchangeRate.objects.create(month=date(2026, 3, 1), currency="EUR", rate=Decimal("0.5"))
    fields: dict[str, Any] = {"team_id": team.pk, "team_name": name, "provider_name": "mine", "input_tokens": 12_345}
    for number in range(1, models + 1):
        store([request(day("2026-03-10T10:00:00"), model_name=f"model-{number}", cost=number * 10**12, **fields)])
    (statement,) = close(team.pk, date(2026, 3, 1))
    return statement


def test_it_says_what_the_page_says(admin_client: Client) -> None:
    statement = _statement()
    response = admin_client.get(reverse("console:statement-pdf", args=[statement.number]))
    assert response["Content-Type"] == "application/pdf"
    text = text_of_pdf(response.content)
    for part in (
        *("Search, March 2026", "Statement No. 1", "CC-4711", "billing@example.com", "2026-03-01 to 2026-03-31", "UTC"),
        *("model-1 mine 1 12,345 — — — $1.00", "model-2 mine 1 12,345 — — — $2.00", "Total $3.00"),
        *("Total $3.00 EUR 1.50 at 0.5 for a dollar", statement.hash, "Page 1 of 1"),
    ):
        assert part in text
    assert response.content == pdf(sheet_of(statement))


def test_many_lines_go_on_with_the_head_of_the_table() -> None:
    text = text_of_pdf(pdf(sheet_of(_statement(models=40))))
    assert "Page 2 of 2" in text
    assert text.count("Cache write") == 2
    assert all(f"model-{number} mine" in text for number in range(1, 41))
    assert "Total $820.00" in text


@pytest.mark.skipif(not fonts.font_for("Ж").path, reason="this machine has no font with Cyrillic letters")
def test_letters_beyond_latin_are_those_of_an_embedded_font() -> None:
    text = text_of_pdf(pdf(sheet_of(_statement("Поиск €"))))
    assert "Поиск €, March 2026" in text
    assert "Total $3.00" in text
    assert "stands for" not in text


def test_what_no_font_has_stands_at_the_foot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "PLACES", ("/nowhere.ttf", __file__))
    text = text_of_pdf(pdf(sheet_of(_statement("Поиск “A”"))))
    assert "????? “A”, March 2026" in text
    assert "? stands for characters that no font of this gateway's machine has." in text
