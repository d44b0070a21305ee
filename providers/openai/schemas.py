"""Which JSON schemas fit OpenAI's strict mode, for every dialect that OpenAI speaks.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

from __future__ import annotations

from typing import Any


def is_strict(schema: Any) -> bool:
    """Whether no object in the schema may have further or optional properties."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        names = list(properties) if isinstance(properties, dict) else []
        required = schema.get("required")
        if schema.get("additionalProperties") is not False or not isinstance(required, list):
            return False
        if any(name not in required for name in names):
            return False
        if not all(is_strict(value) for value in (properties or {}).values()):
            return False
    return all(is_strict(value) for key, value in schema.items() if key not in ("properties", "enum", "const"))
