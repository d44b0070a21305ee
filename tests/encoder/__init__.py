"""Whatever order events come in, the stream is legal."""
