"""What a gateway costs that nobody asks anything: its start, its memory, and its CPU by thread."""
