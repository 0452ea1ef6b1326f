"""Charges customers through the bank, once per idempotency key, and knows of every charge what it does not know."""
