"""Usage rows: journal, writer and what becomes of them."""
