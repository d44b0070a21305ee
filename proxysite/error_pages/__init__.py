"""Pages that say what went wrong, beside those that Django makes of templates by itself (403, 404, 500, 403_csrf)."""
