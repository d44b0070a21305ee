"""HTTP/1.1 to providers over connections of our own: asyncio's protocols and llhttp's parser (httptools).

`route` is what Upstream calls, `transport` the same as an httpx transport. A connection is dialled (`dial`), kept
between requests (`pool`), and reads one response at a time (`connection`, `reader`, `head`), which is taken as it
arrives (`body`).
"""
