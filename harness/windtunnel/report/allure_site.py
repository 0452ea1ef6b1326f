"""The Allure 3 report as one file, beside the matrix: built by Allure's own command, from npm, of a pinned version.

Its page would load a script of Google's on every view, and there is no switch for that: it is taken out.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from windtunnel.errors import BadInputError, WindtunnelError
from windtunnel.report.allure_facts import CATEGORIES, metrics
from windtunnel.report.schema import SummaryDocument

VERSION: Final = "3.18.0"
PAGE, TREND = "allure.html", "allure-history.jsonl"
LONGEST: Final = 300.0
"""Seconds after which the build counts as stuck."""
_OUTSIDE: Final = re.compile(
    r'<script[^>]*\bsrc="https?://[^"]*"[^>]*>\s*</script>|<script>\s*window\.dataLayer[\s\S]*?</script>'
)


def find_allure(base: Path) -> Path:
    """Allure's command: installed in `reports/` or in the working folder, or on the PATH. Raises `BadInputError` that
    says what is missing.
    """
    install = f"npm install --prefix reports allure@{VERSION}"
    if shutil.which("node") is None:
        raise BadInputError(f"--allure needs Node.js 20 or newer, and there is no `node`; then: {install}")
    near = [base / "reports" / "node_modules" / ".bin" / "allure", base / "node_modules" / ".bin" / "allure"]
    found = next((path for path in near if path.is_file()), None) or shutil.which("allure")
    if found is None:
        raise BadInputError(f"--allure needs Allure {VERSION}, which is not installed here; {install}")
    version = _run([str(found), "--version"], base).strip()
    if not version.startswith("3."):
        raise BadInputError(f"--allure needs Allure 3; {found} is {version or 'another one'}; {install}")
    return Path(found)


def build_allure(
    command: Path, results: Path, document: SummaryDocument, to: Path, earlier: Sequence[Path] = ()
) -> Path:
    """Write `to`/allure.html from a run's results, with the trend of the `earlier` runs (their folders, oldest first).

    Leaves this run's own line of the trend beside the page, so that building twice counts once. Raises
    `BadInputError` without results, and `WindtunnelError` with Allure's own words when it fails.
    """
    if not any(results.glob("*-result.json")):
        raise BadInputError("no Allure results here; --allure needs a run that wrote some", path=results)
    with tempfile.TemporaryDirectory(prefix="windtunnel-allure-") as name:
        folder = Path(name)
        history = folder / "history.jsonl"
        history.write_text("".join((old / TREND).read_text() for old in earlier if (old / TREND).is_file()))
        rc = folder / "allurerc.mjs"
        rc.write_text(_configuration(document, folder), encoding="utf-8")
        _run([str(command), "generate", "--config", str(rc), str(results.resolve())], folder)
        page = next(iter(sorted((folder / "report").rglob("index.html"))), None)
        if page is None:
            raise WindtunnelError("Allure wrote no index.html")
        (to / PAGE).write_text(without_outside_scripts(page.read_text(encoding="utf-8")), encoding="utf-8")
        lines = history.read_text().splitlines(keepends=True)
        (to / TREND).write_text(lines[-1] if lines else "")
    return to / PAGE


def without_outside_scripts(page: str) -> str:
    """The page without the scripts that ask another host, and without what feeds them."""
    return _OUTSIDE.sub("", page)


def _configuration(document: SummaryDocument, folder: Path) -> str:
    """Allure's own configuration file: JSON, but for the patterns, which must be regular expressions."""
    categories = ", ".join(
        f"{{ name: {json.dumps(kind.name)}, matchers: {{ statuses: {json.dumps(kind.statuses)}, "
        f"message: new RegExp({json.dumps(kind.pattern)}) }} }}"
        for kind in CATEGORIES
    )
    plain = {
        "name": f"Resilience of {document['system']['name'] or 'the system'}",
        "output": str(folder / "report"),
        "historyPath": str(folder / "history.jsonl"),
        "historyLimit": 30,
        "performance": {
            "groups": {"p95": {"title": "p95 per window"}, "recovery": {"title": "Recovery"}},
            "metrics": metrics(document),
        },
        "plugins": {
            "awesome": {
                "options": {"singleFile": True, "groupBy": ["epic", "feature", "story"], "reportLanguage": "en"}
            }
        },
    }
    return f"export default {{ ...{json.dumps(plain)}, categories: [{categories}] }};\n"


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired as stuck:
        raise WindtunnelError(f"Allure did not end within {LONGEST:.0f} s: {' '.join(command)}") from stuck
    if done.returncode != 0:
        raise WindtunnelError(f"Allure failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout
