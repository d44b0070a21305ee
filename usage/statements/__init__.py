"""What each team is billed for a month: numbered statements that nobody changes once they are closed."""
