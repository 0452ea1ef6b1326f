"""The outside payment provider, as far as a shop can see it: it moves money once per idempotency key, or declines."""
