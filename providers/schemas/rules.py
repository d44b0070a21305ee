"""What servers refuse in a JSON schema, as data; each rule with the public report of it.

Whatever is no JSON Schema at all (draft 2020-12) is mended for all of them. Status: November 2026.
"""

from __future__ import annotations

from typing import Literal

import msgspec

_OPENAI_STRICT = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"),
        *("$ref", "$defs", "definitions", "title", "description", "pattern", "format", "multipleOf"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"),
    }
)
"""https://platform.openai.com/docs/guides/structured-outputs#supported-schemas; any other is "not permitted"."""
_LIMITS = frozenset({"pattern", "format", "multipleOf", "minItems", "maxItems"}) | {
    name for name in _OPENAI_STRICT if name.endswith(("inimum", "aximum"))
}


class SchemaRules(msgspec.Struct, frozen=True, eq=False):
    """What a server wants of a schema.

    `plain_root`: an object with properties, and no anyOf, oneOf, allOf, not, enum or const. `array_items`: every array
    says what is in it. `patterns`: which regular expressions are taken: any; "python": those of Python without
    look-around; "grammar": those that llama.cpp makes a grammar of. `booleans`: whether true may stand for a schema.
    `typed`: schemas without a type get all types, as a list or as variants; "annotated" leaves an empty one alone.
    `lone_variants`: a type beside anyOf goes into its variants, and nothing stands beside $ref. `dropped`: keywords
    that are left out. `strict`: those of the strict mode.
    """

    plain_root: bool = True
    array_items: bool = True
    patterns: Literal["any", "python", "grammar"] = "python"
    booleans: bool = True
    typed: Literal["no", "annotated", "list", "variants"] = "no"
    lone_variants: bool = False
    dropped: frozenset[str] = frozenset()
    strict: frozenset[str] = _OPENAI_STRICT


# "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level":
# https://github.com/langchain-ai/langchainjs/issues/9804, https://github.com/makenotion/notion-mcp-server/issues/340
# (2026-08-05, Claude refuses it as well).
# "array schema missing items", also where prefixItems are given: https://github.com/mark3labs/mcphost/issues/35
# (2025-04-24), https://github.com/AnswerDotAI/fastcore/issues/798 (2026-04-01),
# https://github.com/digitalocean-labs/mcp-digitalocean/issues/258 (2026-02-02).
# "regex lookaround is not supported": https://github.com/anomalyco/opencode/issues/32073 (2026-06-12); "is not a
# 'regex'" of \p{…} in Claude Code's own Artifact: https://github.com/Alishahryar1/free-claude-code/issues/1730
# (2026-09-09).
OPENAI = SchemaRules()
# Other hosted services imitate OpenAI's API or pass requests on to it, to Claude or to Grok ("tool parameter root must
# be an object type", https://github.com/james-6-23/codex2api/pull/579, 2026-08-26).
HOSTED = OPENAI
# "Invalid tool schema" of an exclusiveMinimum that is true: https://github.com/SylphxAI/pdf-reader-mcp/issues/63
# (2025-05-22); "failed to compile JSON schema" of $id: https://github.com/BerriAI/litellm/pull/13389 (2025-08-07).
MISTRAL = SchemaRules(dropped=frozenset({"$id", "$schema"}))
# "when using anyOf, type should be defined in anyOf items": https://github.com/MoonshotAI/kimi-cli/issues/2531
# (2026-07-22); "conflicting keywords found after $ref expansion": https://github.com/MoonshotAI/kimi-cli/issues/2061
# (2026-04-24); "property schema must be an object": https://github.com/can1357/oh-my-pi/issues/5952 (2026-07-18); "type
# is not defined": https://github.com/earendil-works/pi/issues/5822 (2026-06-16). A type is one word:
# https://github.com/MoonshotAI/walle/blob/main/docs/mfjs-spec.md
MOONSHOT = SchemaRules(array_items=False, booleans=False, typed="variants", lone_variants=True)
# "JSON Schema not supported: could not understand the instance" of a schema without a type:
# https://github.com/docker/mcp-gateway/pull/234 (2025-11-12), https://github.com/haris-musa/excel-mcp-server/issues/114.
FIREWORKS = SchemaRules(array_items=False, booleans=False, typed="list")
# "Unsupported JSON schema fields": https://github.com/musistudio/claude-code-router/issues/708 (2025-08-26).
CEREBRAS = SchemaRules(strict=_OPENAI_STRICT - _LIMITS)
# https://github.com/ggml-org/llama.cpp/blob/master/common/json-schema-to-grammar.cpp: "Pattern must start with '^' and
# end with '$'", "Unrecognized schema" of one that is only described or is the variant {"required": […]}, a grammar that
# fails on \d and \S (https://github.com/lidge-jun/opencodex/issues/2135, 2026-08-19). LM Studio is the same code:
# https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/2168 (2026-07-16).
LLAMA_CPP = SchemaRules(array_items=False, patterns="grammar", booleans=False, typed="annotated")
# Its Go types want an object where a schema may be true: https://github.com/ollama/ollama/blob/main/api/types.go.
OLLAMA = SchemaRules(plain_root=False, array_items=False, patterns="any", booleans=False)
# Of an answer's schema Ollama makes a grammar, with the code of llama.cpp
# (https://github.com/containers/kubernetes-mcp-server/issues/758, 2026-02-10).
GRAMMAR = SchemaRules(plain_root=False, array_items=False, patterns="grammar", booleans=False, typed="annotated")
ANYTHING = SchemaRules(plain_root=False, array_items=False, patterns="any")
