"""What a provider's refusal means, whatever shape it comes in: its kind, its words, and when to come back.

For every dialect; what only one server says stays in that server's dialect. Reads bytes and JSON, sends nothing.
"""
