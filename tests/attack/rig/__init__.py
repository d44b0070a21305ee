"""What probes are made of: the two rigs, a hostile upstream, marked secrets, and what a request took."""
