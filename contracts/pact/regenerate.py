"""Plays all consumers' tests and writes the pact files: python contracts/pact/regenerate.py [FOLDER]."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from windtunnel.contracts.pact_consumer import collect
from windtunnel.errors import BadInputError

HERE = Path(__file__).resolve().parent
PACTS = HERE.parent / "pacts"
COMMAND = ".venv/bin/python contracts/pact/regenerate.py"


def regenerate(folder):
    """Write them there. Raises SystemExit with pytest's output when a consumer's test fails."""
    with tempfile.TemporaryDirectory() as drafts:
        tests = [str(path) for path in sorted(HERE.glob("test_consumer_*.py"))]
        options = ["-q", "-c", os.devnull, "--rootdir", str(HERE), "-p", "no:cacheprovider", "-W", "ignore"]
        # Without plugins it starts in a fifth of the time; the repository's own configuration needs some of them.
        env = {**os.environ, "PACT_DRAFTS": drafts, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, "-m", "pytest", *options, *tests]
        run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
        if run.returncode:
            raise SystemExit(f"a consumer's test failed; nothing was written\n{run.stdout}{run.stderr}")
        return collect(Path(drafts), Path(folder))


if __name__ == "__main__":
    try:
        written = regenerate(sys.argv[1] if len(sys.argv) > 1 else PACTS)
    except BadInputError as mistake:
        sys.exit(str(mistake))
    print("\n".join(os.path.relpath(path) for path in written))
