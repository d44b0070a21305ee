"""The JSON schema that the answer must follow: as response_format, or in words where the server takes none."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.fields import output_schema
from providers.dialects.contract import Call
from providers.dialects.openai_chat.profile import Profile
from providers.fidelity import Fidelity


def schema_fields(call: Call, profile: Profile) -> tuple[dict[str, Any], str | None]:
    """The fields, and what is added to the system prompt."""
    schema = output_schema(call.body)
    if schema is None:
        return {}, None
    if profile.schemas == "json_schema":
        cleaned = {key: value for key, value in schema.items() if key != "$schema"}
        strict = _is_strict(cleaned)
        if not strict:
            call.notes.add(Fidelity.SCHEMA_NOT_STRICT)
        wanted = {"name": "answer", "schema": cleaned, "strict": strict}
        return {"response_format": {"type": "json_schema", "json_schema": wanted}}, None
    call.notes.add(Fidelity.SCHEMA_TOLD)
    told = f"Answer with one JSON object that follows this JSON schema: {msgspec.json.encode(schema).decode()}"
    return {"response_format": {"type": "json_object"}} if profile.schemas == "json_object" else {}, told


def _is_strict(schema: Any) -> bool:
    """Whether a schema fits OpenAI's strict mode: no object in it may have further or optional properties.

    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    if isinstance(schema, list):
        return all(_is_strict(item) for item in schema)
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
        if not all(_is_strict(value) for value in (properties or {}).values()):
            return False
    return all(_is_strict(value) for key, value in schema.items() if key not in ("properties", "enum", "const"))
