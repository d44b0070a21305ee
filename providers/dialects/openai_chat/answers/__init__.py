"""What an answer says: chunks in, events out."""
