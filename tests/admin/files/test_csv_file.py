"""CSV files: sent as they are read, and without formulas."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest

from proxysite.console import csv_file
from usage.reports.spreadsheet import cell


def test_the_file_is_read_as_it_is_sent() -> None:
    asked: list[int] = []

    def lines() -> Any:
        for number in range(1000):
            asked.append(number)
            yield [number]

    blocks = csv_file.blocks(["number"], lines())
    assert next(blocks).startswith(b"number\r\n0\r\n")
    assert len(asked) < 1000
    assert sum(block.count(b"\r\n") for block in blocks) == 1000 - csv_file.BLOCK


def test_under_asgi_the_file_streams_too() -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    response = csv_file.response(ASGIRequest(scope, io.BytesIO()), "a.csv", csv_file.blocks(["a"], [["1"], ["2"]]))
    assert response.is_async

    async def read() -> bytes:
        return b"".join([block async for block in response])

    assert asyncio.run(read()) == b"a\r\n1\r\n2\r\n"


@pytest.mark.parametrize(
    "begin", ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "\u3000=", "\ufeff@", "＝", "＋", "－", "＠"]
)
def test_no_text_begins_a_formula(begin: str) -> None:
    assert cell(f"{begin}1") == f"'{begin}1"
    assert cell(f"red;{begin}1") == f"red;'{begin}1"


@pytest.mark.parametrize("name", ["red", "a=b", "gpt-5", "red; blue", "a@b.example", "", " red", "3-4"])
def test_any_other_name_is_written_as_it_is(name: str) -> None:
    assert cell(name) == name
