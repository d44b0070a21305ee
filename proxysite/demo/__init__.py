"""The demo upstream: a small OpenAI-compatible server on loopback whose canned answers show every way a stream can go.

It knows nothing of the gateway and needs no Django; the gateway reaches it over HTTP like any other provider.
"""
