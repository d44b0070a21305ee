"""The live view at /my/: one's own streams, and those of the teams that one leads."""
