"""What an administrator writes down: conditions, rules, concepts and aliases, indexed."""
