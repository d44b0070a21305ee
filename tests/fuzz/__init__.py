"""Damaged and endless upstreams: what comes of them is a legal Claude stream and one end, in bounded memory."""
