"""Home: its figures, each with its rows, and how it is read anew."""
