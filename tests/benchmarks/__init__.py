"""The instruction counts: what is compared, and the counts themselves."""
