"""The playground: its token at the API, its rows, its pages."""
