"""Locust's own users on the benchmark's server: `locust -f closed.py FastUser` or `PlainUser`, as fast as they can."""

from locust import FastHttpUser, HttpUser, constant, task


class FastUser(FastHttpUser):
    wait_time = constant(0)

    @task
    def ask(self):
        self.client.get("/")


class PlainUser(HttpUser):
    wait_time = constant(0)

    @task
    def ask(self):
        self.client.get("/")
