"""The gateway beside other proxies, as ratios: what one request costs here for each that it costs there."""
