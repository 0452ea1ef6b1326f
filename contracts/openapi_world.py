"""Where the walks go: the running storefront, with faults on its edges, and single services in this process."""

import uuid
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import httpx
from openapi_walk import SERVICES, Walk, document_of

from storefront.shared.environment import Environment

JWT_KEY = "a-key-for-services-that-are-alone-0123456789"


@contextmanager
def alone(service, folder, **env):
    """An application in this process, with a database of its own; nobody is where its peers should be."""
    file = folder / f"{service}-{uuid.uuid4().hex[:6]}.db"
    nobody = {f"{peer.upper()}_URL": "http://127.0.0.1:9" for peer in SERVICES}
    values = {"DATABASE_URL": f"sqlite:///{file}", "JWT_KEY": JWT_KEY, "SMTP_URL": "smtp://127.0.0.1:9"}
    settings = import_module(f"storefront.{service}.settings").Settings
    made = settings.from_environment(Environment({**nobody, **values, **env}))
    app = import_module(f"storefront.{service}.app").create_app(made)
    app.database_file = file
    try:
        yield app
    finally:
        app.close()


class World:
    """`stack` and `chaos` are the plugin's fixtures."""

    jwt_key = JWT_KEY
    """Of services that are alone in this process."""

    def __init__(self, stack, chaos, folder: Path):
        self.stack, self.chaos, self._folder = stack, chaos, folder

    def walk(self, service):
        """A walk of the running service; where a token is needed, with one."""
        run = uuid.uuid4().hex[:6]
        client = httpx.Client(base_url=self._url(service), timeout=10, trust_env=False)
        return Walk(document_of(service), client, run, self._token(run) if service == "orders" else "")

    def app(self, service, **env):
        """That service alone in this process, with a database of its own; its peers are the running ones."""
        addresses = {f"{peer.upper()}_URL": self._url(peer) for peer in SERVICES}
        return alone(service, self._folder, **addresses, **env)

    def settle(self):
        """Breakers closed, nothing left to do."""
        self.stack.until_quiet(20)

    def _url(self, service):
        return f"http://{self.stack.address(service)}"

    def _token(self, run):
        with httpx.Client(base_url=self._url("users"), timeout=10, trust_env=False) as client:
            credentials = {"email": f"walk+{run}@shop.example", "password": "correct horse battery"}
            client.post("/users", json=credentials).raise_for_status()
            return client.post("/sessions", json=credentials).raise_for_status().json()["token"]
