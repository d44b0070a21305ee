"""Servers starting, serving and stopping, and the real programs around them."""
