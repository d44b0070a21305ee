"""The pages of prices: those of all models, and how they differ from the price library's."""
