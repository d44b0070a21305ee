"""The server without a proxy in front: what one connection, one address and one key may take of it."""
