"""The state of the gateway: rows of workers, the State page, the diagnosis file, settings as people see them."""
