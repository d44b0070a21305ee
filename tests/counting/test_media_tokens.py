"""Images are counted by their pixels, PDFs by their pages; what cannot be read costs what it can cost at most."""

from __future__ import annotations

import pytest

from providers.counting.families import CLAUDE, CLAUDE_NEW, OTHER
from providers.counting.media import PAGE_TOKENS, image_tokens, pages, pdf_tokens, pixels
from tests.counting import pictures


@pytest.mark.parametrize(
    "data",
    [
        pictures.png(640, 481),
        pictures.gif(640, 481),
        pictures.jpeg(640, 481),
        pictures.jpeg(640, 481, frame=0xC2, preview=130_000),
        pictures.webp(640, 481, b"VP8 "),
        pictures.webp(640, 481, b"VP8L"),
        pictures.webp(640, 481, b"VP8X"),
    ],
)
def test_the_pixels_of_every_format(data: str) -> None:
    assert pixels(data) == (640, 481)


# The examples of https://platform.claude.com/docs/en/build-with-claude/vision (2026-11).
@pytest.mark.parametrize(
    ("width", "height", "new", "old"),
    [(200, 200, 64, 64), (1000, 1000, 1296, 1296), (1092, 1092, 1521, 1521), (1920, 1080, 2691, 1560)],
)
def test_the_published_costs_of_images(width: int, height: int, new: int, old: int) -> None:
    source = pictures.source(pictures.png(width, height))
    assert image_tokens(source, CLAUDE_NEW) == new
    assert abs(image_tokens(source, CLAUDE) - old) <= 0.02 * old


@pytest.mark.parametrize(("width", "height"), [(3840, 2160), (8000, 8000), (2576, 30)])
def test_an_image_has_a_highest_cost(width: int, height: int) -> None:
    assert image_tokens(pictures.source(pictures.png(width, height)), CLAUDE_NEW) <= 4784
    assert image_tokens(pictures.source(pictures.png(width, height)), OTHER) <= 1568


@pytest.mark.parametrize(
    "source",
    [
        None,
        {"type": "url", "url": "https://example.com/a.png"},
        {"type": "file", "file_id": "file_1"},
        pictures.source("not base64!"),
        pictures.source(""),
        pictures.source("QUJD"),
        pictures.source(pictures.png(640, 480)[:20]),
        pictures.source(pictures.jpeg(640, 480)[:24]),
        pictures.source(pictures.webp(640, 480, b"VP8X")[:24]),
        pictures.source(pictures.png(0, 480)),
        {"type": "base64", "data": 7},
    ],
)
def test_an_image_that_cannot_be_read_costs_the_most(source: object) -> None:
    assert image_tokens(source, OTHER) == 1568


@pytest.mark.parametrize(("count", "filler"), [(1, 0), (3, 0), (12, 100_000), (7, 262_101)])
def test_a_pdfs_pages_are_found_wherever_the_file_is_cut(count: int, filler: int) -> None:
    assert pages(pictures.pdf(count, filler=filler)) == count


def test_packed_pages_are_reported_by_the_count_or_the_length() -> None:
    counted = pictures.base64_of(b"%PDF-1.7\n<< /Type /Pages /Count 14 >>" + bytes(1000))
    assert pages(counted) == 14
    assert pages(pictures.base64_of(bytes(500_000))) == 10
    assert pages("") == 1
    assert pages("no base64 at all, and an odd number of it") == 1
    assert pages(pictures.base64_of(b"<< /Count 99999 >>")) == 600
    assert pdf_tokens(pictures.pdf(2)) == 2 * PAGE_TOKENS
