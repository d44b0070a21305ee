"""Wire formats, both ways, from recorded bytes."""
