"""The pages of a provider beside its form: what it lists, and tests of it, stored or not."""
