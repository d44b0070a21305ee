"""Requests over real sockets through a running gateway."""
