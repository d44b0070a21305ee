"""The admin's home: how the gateway does, in a range of time, and what to act on."""
