"""docs/transforms.md has every transform with its options, and every name that went elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from providers.dialects import DIALECTS
from providers.dialects.openai_chat.profiles import choices
from providers.transforms import REGISTRY
from providers.transforms.registry import FOREIGN_NAMES

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "transforms.md"
TABLE = DOCS.read_text().split("## The table")[1].split("## ")[0]
ROWS = {
    name: row
    for row in re.findall(r"^\| `.*$", TABLE, re.MULTILINE)
    for name in re.findall(r"`([\w-]+)`", row.split("|")[1])
}


@pytest.mark.parametrize("name", REGISTRY)
def test_a_transform_stands_in_the_table_with_its_options(name: str) -> None:
    _, first, where, text, _ = ROWS[name].split("|")
    assert where.strip() == "transform"
    fields = [field.name for field in msgspec.structs.fields(REGISTRY[name].options)]
    assert [field for field in fields if f"`{field}`" not in text] == []
    assert ("No options." in text) is (not fields)
    assert ("*" in first) is REGISTRY[name].translated_only


@pytest.mark.parametrize("name", FOREIGN_NAMES)
def test_a_name_that_went_elsewhere_stands_in_the_table(name: str) -> None:
    assert ROWS[name].split("|")[2].strip() in {"dialect", "profile", "platform"}
    profile = re.search(r"the profile (\w+)", FOREIGN_NAMES[name])
    assert profile is None or profile[1] in {value for value, _ in choices()}
    dialect = re.search(r"the dialect (\w+)", FOREIGN_NAMES[name])
    assert dialect is None or dialect[1] in DIALECTS
