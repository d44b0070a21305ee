"""The Responses API: what goes out, what comes back, what is carried from turn to turn."""
