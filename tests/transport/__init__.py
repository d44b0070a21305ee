"""The transport to providers: bytes, connections, servers and proxies, beside aiohttp where both must agree."""
