"""From events to a Claude stream, or to one message."""
