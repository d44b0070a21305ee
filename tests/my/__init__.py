"""The pages of leads and members."""
