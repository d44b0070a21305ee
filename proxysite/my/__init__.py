"""The pages of team leads and members, under /my/."""
