"""What the benchmark's arrivals do: one small request."""


def ask(client):
    client.request("GET", "server", "/")
