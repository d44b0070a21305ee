"""From a request to its usage rows: accounts, the journal on disk, and the one writer."""
