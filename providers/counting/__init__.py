"""How many tokens a request has, without asking its provider: a real count, and a cheap guess for routing."""
