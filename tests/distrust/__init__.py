"""What a provider says is not believed: its counts, its error texts, the heads that it sends."""
