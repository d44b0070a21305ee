"""How an answer of this dialect is read: its bytes in, events out."""
