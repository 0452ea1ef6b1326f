"""Asks single services, made from a changed copy of the packages, everything that their documents name.

A process that has everything else imported, and forks for each: reads JSON lines {"path": folder of the packages,
"service": name}, answers {"findings": [...]}. Nobody else is there: what a service needs of others is refused.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

HEAVY = (
    *("argon2", "flask", "httpx", "jsonschema_rs", "jwt", "prometheus_client"),
    *("sqlalchemy.orm", "werkzeug.test", "yaml"),
)


def findings(path, service):
    """In a child: this process has none of the packages imported."""
    sys.path[:0] = [path, str(Path(__file__).parent)]
    httpx = importlib.import_module("httpx")
    scripts = importlib.import_module("openapi_scripts")
    walks = importlib.import_module("openapi_walk")
    world = importlib.import_module("openapi_world")
    with (
        tempfile.TemporaryDirectory() as folder,
        world.alone(service, Path(folder)) as app,
        httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://app") as client,
    ):
        walk = walks.Walk(walks.document_of(service), client, "alone")
        scripts.everything(walk, shown=service in ("users", "inventory", "bank"))
    return walk.findings


def main():
    for name in HEAVY:
        importlib.import_module(name)
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as answer:
            child = os.fork()
            if child == 0:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                result = findings(**json.loads(line))
                answer.write(json.dumps({"findings": result}))
                answer.flush()
                os._exit(0)
            os.waitpid(child, 0)
            answer.seek(0)
            print(answer.read() or json.dumps({"findings": None}), flush=True)


if __name__ == "__main__":
    main()
