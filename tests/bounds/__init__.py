"""Work that a request may cause, and requests that nobody would write: bounded, and never a 500."""
