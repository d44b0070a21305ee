"""HTTP in the raw: a client over a bare socket, and a real nginx."""
