"""The demo upstream: a small OpenAI-compatible server on loopback with canned answers for every course of a stream.

It is independent of the gateway and of Django; the gateway calls it over HTTP like any other provider.
"""
