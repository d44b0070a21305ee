"""JSON schemas of tools and answers, fitted to what each server takes."""
