"""What tests stand on: databases, gateways, scripted upstreams, callers, rows."""
