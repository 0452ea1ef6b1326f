"""Requests a second from one core of a load generator: ours beside Locust's clients and wrk."""
