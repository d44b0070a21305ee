"""A request's page: the sentence, the parts of attempts, the cost as a sum, what was dropped, and links."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from access.models import Team
from providers.models import Model, Provider
from providers.pricing.prices import Price
from tests.admin.history import attempt_row, request_row
from tests.admin.pages import links_of, staff, text_of
from usage.admin.request_page.cost import bills
from usage.cost import Prices, parts
from usage.models import AttemptLog
from usage.money import to_dollars, to_pico

pytestmark = pytest.mark.django_db


def _url(row: object) -> str:
    return reverse("admin:usage_requestlog_change", args=[row])


def test_it_begins_with_how_the_request_ended(admin_client: Client) -> None:
    row = request_row(
        outcome="refused", duration_ms=1, http_status=400, error_type="invalid_request_error",
        error_message="messages: at least one message is required",
    )  # fmt: skip
    text = text_of(admin_client.get(_url(row)))
    assert "Refused after 1 ms: messages: at least one message is required. Not billed: no provider was called." in text


def test_it_names_the_attempt_that_failed_before_and_what_was_read_from_cache(admin_client: Client) -> None:
    row = request_row(
        duration_ms=4200, attempts=2, model_name="sonnet", cost=to_pico(Decimal("0.0013")),
        cache_read_cost=to_pico(Decimal("0.0002")),
    )  # fmt: skip
    attempt_row(
        row, 1, outcome="failed", http_status=529, error_type="overloaded", model_name="opus", provider_name="direct"
    )
    attempt_row(row, 2, model_name="sonnet", provider_name="cloud")
    assert (
        "Answered by sonnet in 4.2 s, after opus of direct failed with 529 (overloaded). "
        "It cost $0.0013, of which cache read $0.0002." in text_of(admin_client.get(_url(row)))
    )


def test_it_shows_what_an_attempt_spent_its_time_on(admin_client: Client) -> None:
    row = request_row(duration_ms=1000, attempts=1)
    attempt_row(
        row, 1, started_at=timezone.now(), duration_ms=1000, time_to_connect_ms=100, time_to_headers_ms=300,
        time_to_first_token_ms=500,
    )  # fmt: skip
    text = text_of(admin_client.get(_url(row)))
    assert "connecting 100 ms · until the head of the answer 200 ms" in text
    assert "until the first token 200 ms · streaming 500 ms" in text


def test_a_row_of_an_earlier_version_shows_the_parts_that_it_knows(admin_client: Client) -> None:
    row = request_row(duration_ms=1000, attempts=1)
    attempt_row(row, 1, duration_ms=1000, time_to_first_token_ms=400)
    text = text_of(admin_client.get(_url(row)))
    assert "until the first token 400 ms · streaming 600 ms" in text
    assert "connecting" not in text


def test_it_names_the_fields_that_were_dropped(admin_client: Client) -> None:
    row = request_row(attempts=1, fidelity=["field_dropped"])
    attempt_row(row, 1, fidelity=["field_dropped"], dropped={"field_dropped": ["speed", "<b>odd</b>"]})
    page = admin_client.get(_url(row))
    assert "Fields: speed , <b>odd</b>" in text_of(page)
    assert b"<b>odd</b>" not in page.content


def test_names_lead_to_their_pages_where_these_exist_and_may_be_seen(admin_client: Client) -> None:
    team = Team.objects.create(name="Blue")
    provider = Provider.objects.create(name="cloud", dialect="openai_chat", base_url="http://127.0.0.1:1/v1")
    row = request_row(
        team_id=team.pk,
        team_name="Blue",
        provider_id=provider.pk,
        provider_name="cloud",
        model_id=10**9,
        model_name="gone",
    )
    links = links_of(admin_client.get(_url(row)))
    assert links["Blue"] == reverse("admin:access_team_change", args=[team.pk])
    assert links["cloud"] == reverse("admin:providers_provider_change", args=[provider.pk])
    assert "gone" not in links
    seen_by_reader = links_of(staff("usage.view_requestlog").get(_url(row)))
    assert not {"Blue", "cloud"} & seen_by_reader.keys()


def test_it_leads_to_the_requests_before_and_after(admin_client: Client) -> None:
    first, second, third = sorted(request_row() for _ in range(3))
    links = links_of(admin_client.get(_url(second)))
    assert (links["Older"], links["Newer"]) == (_url(first), _url(third))


def test_identifiers_are_written_as_they_are(admin_client: Client) -> None:
    row = request_row(request_id="req_abc")
    assert "Req_abc" not in text_of(admin_client.get(_url(row)))


_counts = st.integers(0, 10**7)
_rates = st.decimals("0.000001", "1000", places=6, allow_nan=False)
_perhaps = st.none() | _rates


@given(
    tokens=st.tuples(_counts, _counts, _counts, _counts, _counts, st.integers(0, 9)),
    rates=st.tuples(_rates, _rates, *([_perhaps] * 5)),
)
def test_the_lines_of_a_cost_add_up_to_it(tokens: tuple[int, ...], rates: tuple[Decimal, ...]) -> None:
    new, output, read, written, hour, searches = tokens
    input_rate, output_rate, read_rate, write_rate, hour_rate, per_request, per_search = rates
    price = Price(
        id=7, input=input_rate, output=output_rate, cache_read=read_rate, cache_write_5m=write_rate,
        cache_write_1h=hour_rate, per_request=per_request, per_web_search=per_search,
    )  # fmt: skip

    def per_token(rate: Decimal | None) -> int | None:
        return None if rate is None else int(rate * 10**6)

    def per_use(rate: Decimal | None) -> int | None:
        return None if rate is None else to_pico(rate)

    found = parts(
        Prices(
            per_token(input_rate), per_token(output_rate), per_token(read_rate), per_token(write_rate),
            per_token(hour_rate), per_use(per_request), per_use(per_search),
        ),
        input=new, output=output, cache_read=read, cache_write=written, cache_write_1h=hour, web_searches=searches,
    )  # fmt: skip
    if found is None:
        return
    cost = to_dollars(sum(found))
    attempt = AttemptLog(
        price_id=7, cost=cost, input_tokens=new, output_tokens=output, cache_read_tokens=read,
        cache_write_tokens=written, cache_write_1h_tokens=hour, web_searches=searches,
    )  # fmt: skip
    (bill,) = bills([attempt], {7: price})
    assert sum((line.amount for line in bill.lines), Decimal(0)) == cost
    assert bill.lines or not cost


def test_a_cost_whose_prices_are_gone_is_shown_in_parts(admin_client: Client) -> None:
    row = request_row(attempts=1, cost=to_pico(Decimal(3)))
    attempt_row(
        row, 1, cost=to_pico(Decimal(3)), input_cost=to_pico(Decimal(1)), output_cost=to_pico(Decimal(2)),
        price_id=10**9,
    )  # fmt: skip
    text = text_of(admin_client.get(_url(row)))
    assert "its prices are not known any more" in text
    assert "Input $1.00" in text
    assert "Output $2.00" in text


def test_a_cost_is_tokens_times_prices(admin_client: Client) -> None:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="http://127.0.0.1:1/v1")
    model = Model.objects.create(provider=provider, name="m")
    price = Price.objects.create(model=model, input=Decimal(3), output=Decimal(15))
    row = request_row(attempts=1, cost=to_pico(Decimal("0.018")))
    attempt_row(
        row, 1, started_at=timezone.now() - timedelta(seconds=1), price_id=price.pk, input_tokens=1000,
        output_tokens=1000, cost=to_pico(Decimal("0.018")),
    )  # fmt: skip
    text = text_of(admin_client.get(_url(row)))
    assert "Input tokens 1,000 × $3.00 per million $0.003" in text
    assert "Cost of the attempt $0.018" in text
