"""What models cost: spans of prices, the library that knows them, and its updates."""
