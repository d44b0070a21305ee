"""The JSON schema that the answer must follow: as response_format, or in words where the server takes none."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.fields import output_schema
from providers.dialects.contract import Call
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.fidelity import Fidelity
from providers.openai import is_strict


def schema_fields(call: Call, profile: Profile) -> tuple[dict[str, Any], str | None]:
    """The fields, and what is added to the system prompt."""
    schema = output_schema(call.body)
    if schema is None:
        return {}, None
    if profile.schemas == "json_schema":
        cleaned = {key: value for key, value in schema.items() if key != "$schema"}
        strict = is_strict(cleaned)
        if not strict:
            call.notes.add(Fidelity.SCHEMA_NOT_STRICT)
        wanted = {"name": "answer", "schema": cleaned, "strict": strict}
        return {"response_format": {"type": "json_schema", "json_schema": wanted}}, None
    call.notes.add(Fidelity.SCHEMA_TOLD)
    told = f"Answer with one JSON object that follows this JSON schema: {msgspec.json.encode(schema).decode()}"
    return {"response_format": {"type": "json_object"}} if profile.schemas == "json_object" else {}, told
