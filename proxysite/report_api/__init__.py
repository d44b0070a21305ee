"""The report API at /api/report/v1/: usage and closed statements for spreadsheets and dashboards, with a report token.

It asks the explorer's questions (proxysite.console.explorer.state), so that its figures are those of the page.
"""
