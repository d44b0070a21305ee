"""JSON Schema as Gemini's Schema, which knows a part of it and refuses a request for the rest."""
