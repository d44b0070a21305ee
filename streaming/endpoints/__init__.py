"""Everything the consumer answers beside POST /v1/messages."""
