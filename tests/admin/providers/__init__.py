"""Tests of the pages of a provider: its tabs, its models, presets, and the test before it is saved."""
