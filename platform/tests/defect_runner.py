"""Runs tests against a changed copy of the packages: a process that has everything else imported, and forks for each.

Reads JSON lines {"path": folder of the packages, "tests": [node ids]}, answers {"code": pytest's, "failed": [ids]}.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
_HEAVY = ("argon2", "flask", "hypothesis.stateful", "httpx", "jwt", "prometheus_client", "psutil", "sqlalchemy.orm")
_OPTIONS = [
    *("-q", "-x", "--noconftest", "-c", os.devnull, "--rootdir", str(TESTS), "-p", "no:cacheprovider"),
    *("-W", "error", "-W", "ignore::pytest.PytestAssertRewriteWarning"),
]


class Failures:
    def __init__(self):
        self.found = []

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.found.append(report.nodeid)


def run(path, tests):
    """In a child: this process has none of the packages imported."""
    sys.path.insert(0, path)
    out = os.open(os.devnull, os.O_WRONLY)
    os.dup2(out, 1)
    os.dup2(out, 2)
    failures = Failures()
    code = pytest.main([*_OPTIONS, *(str(TESTS / test) for test in tests)], plugins=[failures])
    return {"code": int(code), "failed": failures.found}


def main():
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in _HEAVY:
        importlib.import_module(name)
    hypothesis = importlib.import_module("hypothesis")
    phase = hypothesis.Phase
    hypothesis.settings.register_profile(
        "fixed",
        deadline=None,
        derandomize=True,
        database=None,
        phases=[phase.explicit, phase.generate],  # nobody reads the example: the smallest one is not looked for
    )
    hypothesis.settings.load_profile("fixed")
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as answer:
            child = os.fork()
            if child == 0:
                result = run(**json.loads(line))
                answer.write(json.dumps(result))
                answer.flush()
                os._exit(0)
            os.waitpid(child, 0)
            answer.seek(0)
            print(answer.read() or json.dumps({"code": -1, "failed": []}), flush=True)


if __name__ == "__main__":
    main()
