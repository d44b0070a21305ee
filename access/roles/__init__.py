"""The five roles: what each may do (`table`), who has one (`giving`), what of a table somebody sees (`scope`), and the
backend that Django asks (`backend`). Pages and commands ask `access.permissions.may`."""
