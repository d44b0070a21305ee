"""How bodies are cut into documents: server-sent events, lines of JSON, one document; and lenient reading of them."""
