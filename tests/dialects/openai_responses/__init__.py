"""Gemini: what goes out, what comes back."""
