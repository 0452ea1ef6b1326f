"""The tier can go red: known breaks are put into documents and services one by one, and each is named by its rule."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_defects import IN_DOCUMENTS, IN_SERVICES
from openapi_walk import FOLDER, SERVICES, document_of

from windtunnel.contracts import compare, read_document

pytestmark = pytest.mark.kill_table
PLATFORM = Path(__file__).parents[1] / "platform"


def changed(text, change, file):
    assert text.count(change[0]) == 1, f"{file} has {change[0]!r} {text.count(change[0])} times: mend the row"
    return text.replace(*change)


def noted(record_property, number, what, rule):
    """For the table at the end of the run."""
    record_property("kill", (number, what, rule or "SURVIVED"))


@pytest.mark.parametrize("row", IN_DOCUMENTS, ids=lambda row: row.what.replace(" ", "-"))
def test_break_in_a_document_is_named(row, record_property, tmp_path):
    """Compared with today's, by its rule, as a break."""
    path = FOLDER / f"{row.file}.yaml"
    (tmp_path / path.name).write_text(changed(path.read_text(), row.change, path))
    changes = compare(document_of(row.file), read_document(tmp_path / path.name))
    found = {change.rule for change in changes if change.severity == "break"}
    record_property(
        "kill",
        (
            f"D{IN_DOCUMENTS.index(row) + 1}",
            f"{row.file}.yaml: {row.what}",
            row.rule if row.rule in found else "SURVIVED",
        ),
    )

    assert row.rule in found


class Copies:
    """Changed copies of the packages, and the process that asks the services made of them."""

    def __init__(self, folder):
        self.folder = folder
        command = [sys.executable, str(Path(__file__).with_name("openapi_alone.py"))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def findings(self, service, file=None, change=None):
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        for package in ("resilience", "storefront"):
            shutil.copytree(PLATFORM / package, copy / package)  # with what is compiled, which stays good
        if file is not None:
            (copy / file).write_text(changed((copy / file).read_text(encoding="utf-8"), change, file), encoding="utf-8")
        self.process.stdin.write(json.dumps({"path": str(copy), "service": service}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["findings"]


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    copies = Copies(tmp_path_factory.mktemp("breaks"))
    yield copies
    copies.process.stdin.close()
    copies.process.wait()
    copies.process.stdout.close()


@pytest.mark.parametrize("row", IN_SERVICES, ids=lambda row: row.what.replace(" ", "-"))
def test_break_in_a_service_is_named(row, copies, record_property):
    """The changed service is asked what its document names; an answer of it breaks that rule."""
    found = {finding.split(":")[0].split()[0] for finding in copies.findings(row.service, row.file, row.change)}
    record_property(
        "kill",
        (f"S{IN_SERVICES.index(row) + 1}", f"{row.service}: {row.what}", row.rule if row.rule in found else "SURVIVED"),
    )

    assert row.rule in found


@pytest.mark.parametrize("service", SERVICES)
def test_without_the_breaks_nothing_is_found(service, copies):
    """No false alarm: the same questions to an unchanged copy."""
    assert copies.findings(service) == []
