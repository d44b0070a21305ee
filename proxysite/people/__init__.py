"""Pages for people on their way in, under /my/: accepting an invitation, and a new password for who forgot theirs."""
