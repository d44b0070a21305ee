"""Which font a PDF is written in. One that every reader has comes with no file, and holds Windows' Latin characters
(cp1252) alone; for others a font of the machine is embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]
from fpdf import FPDF

PLACES: Final = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
)
"""Where Debian, Fedora, Alpine, Arch and macOS install fonts with many characters. The first that has all is taken."""
BUILT_IN: Final = "Helvetica"
ENCODING: Final = "cp1252"
REPLACEMENT: Final = "?"
_EMBEDDED: Final = "embedded"


class Font(msgspec.Struct, frozen=True):
    """A font for some text. `path` is the file to embed, "" for BUILT_IN; `missing` are the characters of the text that
    it does not have."""

    path: str = ""
    missing: frozenset[str] = frozenset()

    def clean(self, text: str) -> str:
        """Returns a text with REPLACEMENT for each character that the font does not have."""
        return "".join(REPLACEMENT if one in self.missing else one for one in text)

    def use(self, document: FPDF) -> str:
        """Makes the font known to a document; returns the name of its family."""
        if not self.path:
            document.core_fonts_encoding = ENCODING
            return BUILT_IN
        document.add_font(_EMBEDDED, "", self.path)
        bold = Path(self.path.replace("Sans.ttf", "Sans-Bold.ttf").replace("-Regular.ttf", "-Bold.ttf"))
        document.add_font(_EMBEDDED, "B", bold if bold.exists() else self.path)
        return _EMBEDDED


def font_for(text: str) -> Font:
    """Returns the font that has the most characters of a text: BUILT_IN if it has all, else the first in PLACES."""
    wanted = frozenset(text) - frozenset("\n")
    best = Font("", frozenset(one for one in wanted if not one.isprintable() or not _is_latin(one)))
    for path in PLACES if best.missing else ():
        missing = _missing(path, wanted)
        if len(missing) < len(best.missing):
            best = Font(path, missing)
    return best


def _is_latin(character: str) -> bool:
    try:
        character.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def _missing(path: str, wanted: frozenset[str]) -> frozenset[str]:
    """Returns the characters that a font file does not have: all where it is not there or cannot be read."""
    try:
        # The file is opened here: fontTools leaves it open where it is no font.
        with Path(path).open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
            known = font.getBestCmap() or {}
    except (OSError, TTLibError):
        return wanted
    return frozenset(one for one in wanted if not one.isprintable() or ord(one) not in known)
