"""Tests of the streaming room that start no server."""
