"""Remembers which version of a consumer works with which version of a provider, where no broker does.

    contracts       consumer, version, provider ──> hash of what it needs
    verifications   provider, version, hash     ──> kept, or what was broken
    deployments     service, environment        ──> version

A consumer's new version with unchanged needs has the same hash, and so is verified already. One JSON file, changed
under a lock and replaced as a whole: several processes can write to it.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from windtunnel.contracts.pact_files import PactFile
from windtunnel.contracts.pact_verifier import Report
from windtunnel.errors import PactError

FORMAT: Final = "windtunnel/v1"
MATRIX: Final = Path("contracts/matrix.json")
"""Where the matrix is unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What one version of a consumer needs of a provider."""

    consumer: str
    version: str
    provider: str
    sha256: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Whether one version of a provider keeps that."""

    consumer: str
    provider: str
    version: str
    """The provider's."""
    sha256: str
    kept: bool
    broken: str
    """The interactions that were broken, with ; between them."""
    at: str


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Which version of a service is in an environment: one at a time."""

    service: str
    version: str
    environment: str
    at: str


Row = TypeVar("Row", Contract, Verification, Deployment)
_KEYS: dict[type[Any], tuple[str, ...]] = {
    Contract: ("consumer", "version", "provider"),
    Verification: ("sha256", "version"),
    Deployment: ("service", "environment"),
}


@dataclass(kw_only=True)
class Matrix:
    """All that is known. A row replaces the older one of the same key."""

    contracts: list[Contract] = field(default_factory=list)
    verifications: list[Verification] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)

    @property
    def services(self) -> frozenset[str]:
        """Everybody who has, or keeps, a contract."""
        return frozenset(name for one in self.contracts for name in (one.consumer, one.provider))

    def add_contracts(self, files: Iterable[PactFile], version: str, at: str) -> None:
        """What these consumers need, in their version."""
        for file in files:
            new = Contract(consumer=file.consumer, version=version, provider=file.provider, sha256=file.sha256, at=at)
            self.contracts = _with(self.contracts, new)

    def add_report(self, report: Report, version: str, at: str) -> None:
        """What came of a verification of the provider's version."""
        for pact in {result.pact.path: result.pact for result in report.results}.values():
            broken = [one.interaction.description for one in report.broken if one.pact.path == pact.path]
            new = Verification(
                consumer=pact.consumer,
                provider=pact.provider,
                version=version,
                sha256=pact.sha256,
                kept=not broken,
                broken="; ".join(broken),
                at=at,
            )
            self.verifications = _with(self.verifications, new)

    def add_deployment(self, service: str, version: str, environment: str, at: str) -> None:
        """From now on that version is there."""
        new = Deployment(service=service, version=version, environment=environment, at=at)
        self.deployments = _with(self.deployments, new)


def now() -> str:
    """The moment, as a row has it: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_matrix(path: Path) -> Matrix:
    """Raises `PactError` in one line for what cannot be used, also for a file that is not there."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PactError(
            "no matrix there; the verification of the pacts writes it (pytest -m contract)", path=path
        ) from None
    except OSError as trouble:
        raise PactError(f"cannot be read: {trouble.strerror or trouble}", path=path) from None
    except json.JSONDecodeError as trouble:
        raise PactError(f"not JSON: {trouble.msg}", path=path, line=trouble.lineno) from None
    except (UnicodeDecodeError, RecursionError):
        raise PactError("not a matrix; it is JSON in UTF-8", path=path) from None
    if not isinstance(document, dict) or document.get("matrix") != FORMAT:
        raise PactError(f"not a matrix of this version; 'matrix' must be {FORMAT!r}", path=path)
    return Matrix(
        contracts=_rows(document, "contracts", Contract, path),
        verifications=_rows(document, "verifications", Verification, path),
        deployments=_rows(document, "deployments", Deployment, path),
    )


@contextmanager
def changed(path: Path) -> Iterator[Matrix]:
    """The matrix for a change, alone; written when the block ends well. Made where it is not there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        matrix = read_matrix(path) if path.exists() else Matrix()
        yield matrix
        new = path.with_name(f".{path.name}.new")
        new.write_text(_text(matrix), encoding="utf-8")
        new.replace(path)


def _text(matrix: Matrix) -> str:
    lists = ("contracts", "verifications", "deployments")
    document = {"matrix": FORMAT, **{name: [asdict(row) for row in getattr(matrix, name)] for name in lists}}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _with(rows: list[Row], new: Row) -> list[Row]:
    def key(row: Row) -> tuple[str, ...]:
        return tuple(getattr(row, name) for name in _KEYS[type(new)])

    return [row for row in rows if key(row) != key(new)] + [new]


def _rows(document: dict[str, Any], name: str, row: type[Row], path: Path) -> list[Row]:
    listed = document.get(name)
    if not isinstance(listed, list):
        raise PactError(f"{name} must be a list", path=path)
    known = {one.name: bool if one.name == "kept" else str for one in fields(row)}
    for number, one in enumerate(listed):
        if not isinstance(one, dict) or one.keys() != known.keys():
            raise PactError(f"{name}[{number}] must have exactly these keys: {', '.join(known)}", path=path)
        if wrong := next((key for key, kind in known.items() if not isinstance(one[key], kind)), None):
            kind = "true or false" if wrong == "kept" else "a text"
            raise PactError(f"{name}[{number}].{wrong} must be {kind}", path=path)
    return [row(**one) for one in listed]
