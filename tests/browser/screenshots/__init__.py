"""`make screenshots`: takes the pictures of the README and the docs anew, from a gateway with sample rows."""
