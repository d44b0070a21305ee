"""What administrators write: conditions, rules, concepts and aliases, indexed."""
