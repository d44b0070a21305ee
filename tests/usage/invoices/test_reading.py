"""Invoices as they come: exports of providers, and what spreadsheets make of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from usage.invoices import values
from usage.invoices.columns import Layout, guess
from usage.invoices.errors import InvoiceError
from usage.invoices.reading import Figures, Invoice, read
from usage.invoices.sheet import MOST_BYTES, MOST_LINES, sheet, text_of


def _read(data: str | bytes, **changes: Any) -> Invoice:
    found = sheet(text_of(data.encode() if isinstance(data, str) else data))
    return read(found, msgspec.structs.replace(guess(found), **changes))


DAY = date(2026, 10, 31)
OPUS = {(DAY, "opus"): Figures(input=1200, output=34, cost=Decimal("12.5"))}
MESSY: dict[str, str | bytes] = {
    "plain": "date,model,input_tokens,output_tokens,cost\n2026-10-31,opus,1200,34,12.50\n",
    "BOM and CRLF": "\ufeffdate,model,input_tokens,output_tokens,cost\r\n2026-10-31,opus,1200,34,12.50\r\n",
    "UTF-16": "date\tmodel\tinput_tokens\toutput_tokens\tcost\n2026-10-31\topus\t1200\t34\t12.50\n".encode("utf-16"),
    "decimal comma": "date;model;input tokens;output tokens;cost\n31.10.2026;opus;1.200;34;12,50\n",
    "thousands": 'Date,Model,Input Tokens,Output Tokens,Cost\n10/31/2026,opus,"1,200",34,"$12.50"\n',
    "a bar": "date|model|input_tokens|output_tokens|cost\n2026-10-31|opus|1200|34|12.50\n",
    "words": 'date,model,input_tokens,output_tokens,cost\n"Oct 31, 2026",opus,1200,34,US$ 12.50\n',
    "moments": "date,model,input_tokens,output_tokens,cost\n2026-10-31T23:59:59Z,opus,1200,34,12.50\n",
    "another zone": "date,model,input_tokens,output_tokens,cost\n2026-11-01 01:30:00+02:00,opus,1200,34,12.50\n",
    "seconds": "date,model,input_tokens,output_tokens,cost\n1793491199,opus,1200,34,12.50\n",
    "a spreadsheet's exponent": "date,model,input_tokens,output_tokens,cost\n2026-10-31,opus,1.2E+03,34,1.25e1\n",
    "hours": "date,model,input_tokens,output_tokens,cost\n2026-10-31 00:00,opus,200,,2.50\n"
    "2026-10-31 01:00,opus,1000,34,10\n",
    "a credit": "date,model,input_tokens,output_tokens,cost\n2026-10-31,opus,1200,34,15\n2026-10-31,opus,,,(2.50)\n",
    "totals": "date,model,input_tokens,output_tokens,cost\n2026-10-31,opus,1200,34,12.50\n\n"
    "Total,,1200,34,12.50\n,,,,12.50\n",
    "lines above": "Invoice number,17,,,\nInvoice date,2026-11-01,,,\nCurrency,USD,,,\n"
    "date,model,input_tokens,output_tokens,cost\n2026-10-31,opus,1200,34,12.50\n",
    "lines that are short and long": "date,model,input_tokens,output_tokens,cost\n"
    "2026-10-31,opus,1200,34,12.50,x,y\nTotal\n",
    "a line end in a cell": 'date,model,input_tokens,output_tokens,cost,note\n2026-10-31,opus,1200,34,12.50,"a\nb"\n',
}


@pytest.mark.parametrize("name", MESSY)
def test_the_same_figures_in_any_file(name: str) -> None:
    assert _read(MESSY[name]).figures == OPUS


EXPORTS = {
    "Anthropic's usage": (
        "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
        "usage_output_tokens,web_search_count,inference_geo,speed\n"
        "2026-10-31,claude-sonnet-4-5-20250929,k,Default,standard,≤ 200k,100,20,3,4000,50,0,global,\n"
        "2026-10-31,claude-sonnet-4-5-20250929,l,Default,standard,≤ 200k,1,0,0,0,5,0,global,\n",
        "claude-sonnet-4-5-20250929",
        Figures(input=101, cache_write=23, cache_read=4000, output=55),
    ),
    "Anthropic's cost": (
        "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type\n"
        "2026-10-31,Claude Haiku 4.5,Default,k,message,≤ 200k,input_no_cache,0.13,0.13,token\n"
        "2026-10-31,Claude Haiku 4.5,Default,k,message,≤ 200k,output,0.2,0.2,token\n",
        "Claude Haiku 4.5",
        Figures(cost=Decimal("0.33")),
    ),
    "OpenAI's usage": (
        "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,batch,input_tokens,"
        "output_tokens,input_cached_tokens,input_uncached_tokens\n"
        "1793404800,1793491200,2026-10-31T00:00:00+00:00,2026-11-01T00:00:00+00:00,p,3,gpt-5,False,500,60,400,100\n",
        "gpt-5",
        Figures(requests=3, input=100, cache_read=400, output=60),
    ),
    "OpenAI's usage of before": (
        "start_time_iso,model,num_model_requests,input_tokens,output_tokens,input_cached_tokens\n"
        "2026-10-31T00:00:00+00:00,gpt-5,3,500,60,400\n",
        "gpt-5",
        Figures(requests=3, input=100, cache_read=400, output=60),
    ),
    "OpenAI's costs": (
        "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\n"
        '1793404800,1793491200,2026-10-31T00:00:00+00:00,2026-11-01T00:00:00+00:00,0.895874,usd,"gpt-5, input",p\n'
        "1793491200,1793577600,2026-10-31T00:00:00+00:00,2026-11-01T00:00:00+00:00,,,,\n",
        "gpt-5, input",
        Figures(cost=Decimal("0.895874")),
    ),
    "OpenRouter's activity": (
        "generation_id,created_at,model_permaslug,provider_name,api_key_name,app_name,tokens_prompt,tokens_completion,"
        "tokens_reasoning,tokens_cached,cost_total,cost_cache\n"
        "gen-1,2026-10-31 04:05:06.789,anthropic/claude-4.5-sonnet,Anthropic,k,a,500,60,0,400,0.25,-0.1\n"
        "gen-2,2026-10-31 05:05:06.789,anthropic/claude-4.5-sonnet,Anthropic,k,a,10,6,0,0,0.5,0\n",
        "anthropic/claude-4.5-sonnet",
        Figures(requests=2, input=110, cache_read=400, output=66, cost=Decimal("0.75")),
    ),
    "AWS's report": (
        "line_item_usage_start_date,line_item_product_code,line_item_usage_type,line_item_unblended_cost,"
        "line_item_currency_code\n2026-10-31T05:00:00.000Z,AmazonBedrock,USE1-Claude-input,0.75,USD\n",
        "USE1-Claude-input",
        Figures(cost=Decimal("0.75")),
    ),
    "Google's cost table": (
        "Invoice number,17,\nInvoice date,2026-10-31,\nCurrency,USD,\n"
        "Billing account name,Service description,SKU description,Usage start date,Usage end date,Usage amount,"
        "Unrounded Cost ($),Cost ($)\n"
        'a,Vertex AI,Gemini 3 Pro input,2026-10-31,2026-11-01,"1,000",0.123456,0.12\n',
        "Gemini 3 Pro input",
        Figures(cost=Decimal("0.123456")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
def test_columns_of_exports_are_known(name: str) -> None:
    text, model, expected = EXPORTS[name]
    found = _read(text)
    assert found.figures[DAY, model] == expected
    assert not any(any(msgspec.structs.astuple(each)) for key, each in found.figures.items() if key != (DAY, model))


HEADER = "date,model,output,cost,currency,kind\n"
WRONG: dict[str, tuple[str | bytes, str]] = {
    "a number": (HEADER + "2026-10-31,m,1,1,,\n2026-10-31,m,many,1,,\n", "Line 3, output: “many” is no number"),
    "separators": (HEADER + '2026-10-31,m,"1,5",2.5,,\n', "Line 2, output: “1,5” is no number such as 1,234.56"),
    "a day": (HEADER + "2026-10-31,m,1,1,,\nyesterday,m,1,1,,\n", "Line 3: “yesterday” is no day such as 2026-11-30"),
    "currencies": (HEADER + "2026-10-31,m,1,1,USD,\n2026-10-31,m,1,1,EUR,\n", "several currencies: EUR, USD"),
    "a currency": (HEADER + "2026-10-31,m,1,1,EUR,\n", "The amounts are in EUR, and costs here in US dollars. Give"),
    "years": (HEADER + "2024-10-31,m,1,1,,\n2026-10-31,m,1,1,,\n", "Export at most 400 days"),
    "a cost": (HEADER + "2026-10-31,m,1,9000001,,\n", "The cost is more than $9,000,000"),
    "moments as a cost": (HEADER + "2026-10-31,m,1,9999999999999,,\n" * 2000, "The cost is more than $9,000,000"),
    "a long number": (HEADER + f"2026-10-31,m,{'1' * 100_000},1,,\n", "11…” is no number such as 1,234.56"),
    "a long day": (HEADER + f"2026-10-31,m,1,1,,\na{' ' * 100_000}b,m,1,1,,\n", "…” is no day such as 2026-11-30"),
    "no lines": (HEADER, "No line has a day"),
    "no figure": ("date,model\n2026-10-31,m\n", "No column has a figure"),
    "no day": ("model,cost\nm,1\n", "No column has the day"),
    "no columns": ("just text\nmore of it\n", "No columns were found"),
    "nothing": (" \n", "The file is empty"),
    "a compressed file": (b"PK\x03\x04rest", "Unpack a compressed file"),
    "no text": (b"a,b\n\0,1\n", "This is no text"),
    "too large": (b"a" * (MOST_BYTES + 1), "more than 5 MB"),
    "too long": ("date,cost\n" + "a,1\n" * MOST_LINES, "more than 100,000 lines"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_where_and_what_to_do(name: str) -> None:
    data, sentence = WRONG[name]
    with pytest.raises(InvoiceError) as caught:
        _read(data)
    assert sentence in str(caught.value)


def test_the_first_problems_are_listed() -> None:
    with pytest.raises(InvoiceError) as caught:
        _read(HEADER + "2026-10-31,m,x,1,,\n" * 50)
    assert len(caught.value.problems) == 11


def test_a_rate_makes_dollars_of_another_currency() -> None:
    found = _read(HEADER + "2026-10-31,m,1,10,EUR,\n", rate=Decimal("1.1"))
    assert found.figures[DAY, "m"].cost == Decimal(11)
    assert found.currency == "EUR"


def test_dollars_take_no_rate() -> None:
    """A rate that was saved with an invoice in euros is not that of one in dollars."""
    with pytest.raises(InvoiceError, match=r"in US dollars\. Remove the rate"):
        _read(HEADER + "2026-10-31,m,1,10,USD,\n", rate=Decimal("1.1"))
    assert _read(HEADER + "2026-10-31,m,1,10,USD,\n", rate=Decimal(1)).figures[DAY, "m"].cost == 10


@pytest.mark.parametrize("cell", ["1" * 100_000 + "x", "-" + " " * 100_000 + "x", "a" + " " * 100_000 + "b"])
def test_a_long_cell_takes_no_longer_than_its_length(cell: str) -> None:
    assert _read(f"{cell},,,,\n" + str(MESSY["plain"])).figures == OPUS


def test_lines_about_something_else_are_left_out() -> None:
    text = HEADER + "2026-10-31,m,1,10,,Amazon Bedrock\n2026-10-31,disk,,5,,Storage\nTotal,,,15,,\n"
    found = _read(text, only_column="kind", only_text="bedrock")
    assert list(found.figures) == [(DAY, "m")]
    assert (found.lines, found.left_out) == (1, 2)


def test_a_layout_fits_the_file() -> None:
    text = "a,b,c\n2026-10-31,1,1\n"
    for columns, sentence in (
        ({"a": "day", "d": "cost"}, "There is no column d"),
        ({"a": "day", "b": "input", "c": "input_with_cache"}, "with and without those from cache"),
        ({"a": "day", "b": "requests", "c": "request_id"}, "as a number and as lines"),
        ({"a": "day", "b": "day", "c": "cost"}, "Several columns have the meaning “Day or moment (UTC)”"),
    ):
        with pytest.raises(InvoiceError, match=sentence.replace("(", r"\(").replace(")", r"\)")):
            read(sheet(text), Layout(columns))


def test_tokens_that_no_column_of_the_database_holds() -> None:
    text = "day,a,b,c,d\n" + "2026-10-31,1e13,1e13,1e13,1e13\n" * 26_000
    with pytest.raises(InvoiceError, match="more than 1,000,000,000,000,000,000 tokens"):
        read(sheet(text), Layout({"day": "day", **dict.fromkeys("abcd", "input")}))


def test_a_saved_layout_is_taken_where_its_columns_are_there() -> None:
    found = sheet('when,what,price\n31.10.2026,m,"1,5"\n')
    saved = Layout({"when": "day", "what": "model", "price": "cost"}, aliases={"m": "n"})
    layout = guess(found, saved)
    assert layout.columns == saved.columns
    assert (layout.days, layout.decimal, layout.aliases) == ("day_first", ",", {"m": "n"})
    assert guess(sheet("date,cost\n2026-10-31,1\n"), saved).columns == {"date": "day", "cost": "cost"}


def test_days_that_can_be_read_in_two_orders_are_a_choice() -> None:
    text = "date,cost\n03/04/2026,1\n"
    assert [_read(text, days=days).first for days in ("month_first", "day_first")] == [
        date(2026, 3, 4),
        date(2026, 4, 3),
    ]
    saved = Layout({"date": "day"}, days="day_first", decimal=",")
    layout = guess(sheet(text), saved)
    assert (layout.days, layout.decimal) == ("day_first", ",")
    assert guess(sheet("date,cost\n12/31/2026,1.5\n"), saved).days == "month_first"


@pytest.mark.parametrize("text", ["1,23", "1.2.3", "12%", "0x10", "1 2 3 a", "٣", "=1+1", "1e9999", "9e15"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"no number|larger"):
        values.number(text)
