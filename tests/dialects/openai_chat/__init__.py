"""OpenAI Chat Completions: what goes out, what comes back."""
