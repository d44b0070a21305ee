"""Text for a file that a spreadsheet opens: no cell of it is taken for a formula."""

from __future__ import annotations

import re

# What programs skip before they look for a formula: blanks, line ends, characters without a width.
_SKIPPED = r"[\s\x00-\x1f\x7f-\x9f\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]"
# Also in full width and in small forms, which some programs take for the same, and the true minus sign.
_SIGN = r"[=+\-@＝＋－＠﹦﹢﹣﹫−]"
# Where a program splits cells at something else than a comma, a formula may begin in the middle of one of ours.
_FORMULA = re.compile(rf"(^|[;\t\r\n])({_SKIPPED}*)(?={_SIGN})|^(?=[\t\r\n])")


def cell(text: str) -> str:
    """Returns the text with an apostrophe where it would begin a formula."""
    return _FORMULA.sub(r"\1'\2", text)
