"""Resilience verification for microservices: stand a system up, break its edges under load, judge what users saw."""
