"""Configuration files of other gateways, said in the words of our own."""
