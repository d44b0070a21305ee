"""The playground of members, for their own teams."""
