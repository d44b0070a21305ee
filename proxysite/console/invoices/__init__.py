"""Invoices of providers: choosing a file and its columns, and the results of comparing it."""
