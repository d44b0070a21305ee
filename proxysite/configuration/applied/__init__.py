"""The parts of a configuration into rows, one module a room."""
