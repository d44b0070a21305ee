"""Explaining a request: what the rules see, what every phase says, whom the gateway would ask, and in which words.

The decision is the one of live traffic. Nothing is sent, fetched, stored or logged.
"""
