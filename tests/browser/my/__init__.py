"""What members and leads do under /my/, in a browser."""
