"""Single parts of the gateway in a loop, without a client or a server."""
