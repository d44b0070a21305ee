"""Nobody on the staff reads a secret that others entered: what each right allows, page by page."""
