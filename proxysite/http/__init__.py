"""HTTP/1 as the gateway speaks it to its clients: connections, their limits, and how an answer is written."""
