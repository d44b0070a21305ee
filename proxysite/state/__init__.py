"""The state of the gateway itself: what each process tells of itself, the settings in force, the diagnosis file."""
