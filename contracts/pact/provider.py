"""Verifies one provider of the storefront as it runs now, and remembers what came of it."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mail_events import mail_event
from regenerate import PACTS
from storefront_states import STATES

from windtunnel.contracts.pact_files import HTTP, pacts_with, read_pacts
from windtunnel.contracts.pact_verifier import verify

HERE = Path(__file__).parent
PROVIDERS = ("bank", "inventory", "notifications", "orders", "payments", "users")


def verified(shop, provider, *, python_path=""):
    """The report on every pact with that provider; HTTP goes over the edge of the consumer, as in real life.

    `python_path` is where the version of orders lies whose events are asked for; empty: the installed one.
    """
    files = pacts_with(provider, read_pacts(PACTS))
    url = ""
    if any(one.kind == HTTP for file in files for one in file.interactions):
        url = f"http://{shop.stack.edge_address(f'{files[0].consumer}->{provider}')}"
    # Made beforehand: a process that starts slowly must not look like a message that was never sent.
    event = _mail_event(python_path) if provider == "orders" else None
    producers = {"the mail of a confirmed order": lambda _: event}
    return verify(provider, files, states=STATES, system=shop, url=url, producers=producers)


def _mail_event(python_path):
    if not python_path:
        with tempfile.TemporaryDirectory() as folder:
            return mail_event(folder)
    env = {**os.environ, "PYTHONPATH": python_path}
    script = str(HERE / "mail_events.py")
    run = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, timeout=60, check=False)
    if run.returncode:
        raise RuntimeError(run.stderr[-500:])
    return json.loads(run.stdout)
