"""What people come to the pages of usage for, from the question to the answer."""
