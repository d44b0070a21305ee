"""Client keys: their format, what ends them, what people do with them, and where they are accepted from."""
