"""docs/fidelity.md, made of the codes and of what the source says about who notes them; docs/claude-on-clouds.md, made
of the tables of the clouds that sell Claude.

`python -m tests.harness.fidelity_table` writes both; tests compare. A dialect may note what a module of its own, or one
that it imports inside `providers`, mentions.
"""

from __future__ import annotations

import ast
from pathlib import Path

from providers.dialects import DIALECTS
from providers.fidelity import EXPLANATIONS, Fidelity
from providers.platforms.bedrock.claude import BEDROCK
from providers.platforms.claude.table import Row, Server
from providers.platforms.vertex.claude import VERTEX

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "fidelity.md"
CLOUDS_PAGE = ROOT / "docs" / "claude-on-clouds.md"
_SHARED = (
    "providers/translation.py",
    "providers/transforms",
    "providers/platforms",
    "providers/client_fields",
    "streaming",
)
_INTRODUCTION = """\
# What is lost on the way

A Claude request that another provider answers cannot always be translated exactly. Whatever a translation drops,
changes or emulates is noted as a code:

* in the answer's header `x-gateway-fidelity`, codes separated by commas, of the attempt that answered; with streams, of
  the attempt that had begun when the status went out. Without the header there was nothing to note;
* on the usage rows, the request's and each attempt's; the request's are those of its last attempt. `[]` is nothing to
  note, NULL a request that called no provider, but for `quota_probe`;
* in the admin on the request's page, below each attempt, and as a filter of both lists.

Codes are never renamed. This page is written by `python -m tests.harness.fidelity_table`, and a test compares it.

| code | what it means | noted by |
|---|---|---|
"""
_CLOUDS_INTRODUCTION = """\
# What Bedrock and Vertex AI take of Claude's API

Both clouds serve Claude, and both refuse a whole request for one beta or field that they do not know. So each has a
table: what is forwarded, moved, restated or dropped, and the [code](fidelity.md) that is noted. A beta that it does
not name is dropped (`beta_dropped`); anything else is forwarded. A request that counts tokens has
no betas.

A provider's own list (`{"betas": [...]}` in its options) replaces the betas of the table, and a field whose beta is
then passed on is forwarded as well. This page is written by `python -m tests.harness.fidelity_table` from
`providers/platforms/bedrock/claude.py` and `providers/platforms/vertex/claude.py`; a test compares it.
"""
_HEAD = "\n## {title}\n\n| what | name | becomes of it | code | source, read |\n|---|---|---|---|---|\n"
_PLACES = {
    "beta": "beta",
    "field": "field",
    "output_config": "in `output_config`",
    "thinking": "in `thinking`",
    "edit": "edit of `context_management`",
    "tool": "in a tool",
    "server_tool": "tool that the server runs",
    "message": "in a message",
    "block": "in a block",
    "cache_control": "in `cache_control`",
}


def page() -> str:
    """The page as it must be."""
    noted = {name: dialect_codes(name) for name in DIALECTS}
    translating = {name for name in DIALECTS if name != "anthropic"}
    everywhere = {code for path in _SHARED for file in _files(ROOT / path) for code in _mentioned(file)}
    lines = []
    for code in Fidelity:
        dialects = {name for name, codes in noted.items() if code in codes}
        who = "all but `anthropic`" if dialects == translating else ", ".join(f"`{name}`" for name in sorted(dialects))
        if code in everywhere:
            who = f"{who}; the gateway for all" if who else "the gateway for all"
        lines.append(f"| `{code.value}` | {EXPLANATIONS[code]} | {who or 'nobody yet'} |\n")
    return _INTRODUCTION + "".join(lines)


def dialect_codes(name: str) -> set[Fidelity]:
    """The codes that a dialect's modules, and those of `providers` that they import, mention."""
    found: set[Fidelity] = set()
    seen: set[Path] = set()
    left = _files(ROOT / "providers" / "dialects" / name)
    while left:
        file = left.pop()
        if file not in seen:
            seen.add(file)
            found |= _mentioned(file)
            left += _imported(file)
    return found


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _imported(file: Path) -> list[Path]:
    """The modules of `providers` that a module imports, but for the table of codes itself."""
    names = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("providers"):
            names += [f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)]
    paths = [ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names]
    return [path for path in paths if path.exists() and path.name != "fidelity.py"]


def _mentioned(file: Path) -> set[Fidelity]:
    return {
        Fidelity[node.attr]
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Fidelity"
    }


def clouds_page() -> str:
    """The page of the clouds as it must be."""
    return _CLOUDS_INTRODUCTION + _table(BEDROCK, "Amazon Bedrock") + _table(VERTEX, "Google Vertex AI")


def _table(server: Server, title: str) -> str:
    return _HEAD.format(title=title) + "".join(map(_line, server.rows))


def _line(row: Row) -> str:
    done: str = row.does
    if row.into:
        done += " to " + ", ".join(row.into)
    if row.name == "role=system" and row.does == "forwarded":
        done += " to models that take it, else restated"
    if row.beta is not None:
        done = f"forwarded with `{row.beta}`, else {done}"
    name = f"`{row.name}…`" if row.place in ("edit", "server_tool") else f"`{row.name}`"
    code = "" if row.code is None else f"`{row.code.value}`"
    return f"| {_PLACES[row.place]} | {name} | {done} | {code} | {row.source}, {row.read} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    CLOUDS_PAGE.write_text(clouds_page())
