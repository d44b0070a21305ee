"""A configuration file written into the rows, one module per room, with a report of what changes."""
