"""Statements: a month's list, a statement as a page to print, closing, and files."""
