"""Which secrets a provider may use: where they may be sent, and which environment variables may be read."""
