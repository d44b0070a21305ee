"""Claude's wire in tests: the validator, readers and makers of streams and bodies."""
