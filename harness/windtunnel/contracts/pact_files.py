"""Reads and writes pact files: strict, and the same bytes for the same contract.

What pact-python writes names its own versions and keeps the order in which tests ran. Here interactions and keys are
sorted, and of the metadata only the version of the specification stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from windtunnel.errors import PactError

HTTP: Final = "Synchronous/HTTP"
MESSAGE: Final = "Asynchronous/Messages"
SPECIFICATION: Final = "4.0"
_KINDS = (HTTP, MESSAGE)


@dataclass(frozen=True, kw_only=True)
class State:
    """What must be so at the provider before an interaction is replayed."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """One exchange, or one message, that a consumer relies on."""

    description: str
    kind: str
    """`HTTP` or `MESSAGE`."""
    states: tuple[State, ...]
    pending: bool
    """Agreed on, but not kept yet: its failure is shown and breaks nothing."""


@dataclass(frozen=True, kw_only=True)
class PactFile:
    """A contract between two services."""

    path: Path
    consumer: str
    provider: str
    interactions: tuple[Interaction, ...]
    document: Mapping[str, Any] = field(repr=False)

    @property
    def text(self) -> str:
        """The canonical text: what is written, published and hashed."""
        return canonical(self.document)

    @property
    def sha256(self) -> str:
        """Of the canonical text: two versions of a consumer with the same needs have the same contract."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def canonical(document: Mapping[str, Any]) -> str:
    """The one text of a contract, whatever tool wrote it, and in which order."""
    kept = {**document, "metadata": {"pactSpecification": {"version": SPECIFICATION}}}
    kept["interactions"] = sorted(document["interactions"], key=_order)
    return json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _order(interaction: Mapping[str, Any]) -> tuple[str, str]:
    return interaction["description"], json.dumps(interaction, sort_keys=True)


def read_pact(path: Path) -> PactFile:
    """One pact file. Raises `PactError` in one line: which file, where in it, what would be right."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as trouble:
        raise PactError(f"cannot be read: {trouble.strerror or trouble}", path=path) from None
    except UnicodeDecodeError:
        raise PactError("not UTF-8; a pact file is JSON in UTF-8", path=path) from None
    except json.JSONDecodeError as trouble:
        raise PactError(f"not JSON: {trouble.msg}", path=path, line=trouble.lineno) from None
    except RecursionError:
        raise PactError("nested too deeply for a pact", path=path) from None
    return read_document(document, path)


def read_document(document: object, path: Path) -> PactFile:
    """The same, of parsed JSON. `path` is named in errors."""
    top = _mapping(document, path, "the file")
    version = _at(top, ("metadata", "pactSpecification", "version"))
    if version != SPECIFICATION:
        raise PactError(f"specification {version!r}; only V4 ({SPECIFICATION}) can be read", path=path)
    listed = top.get("interactions")
    if not isinstance(listed, list):
        raise PactError("interactions must be a list", path=path)
    if not listed:
        raise PactError("has no interactions: verifying it would prove nothing; delete the file, or add one", path=path)
    interactions = tuple(_interaction(one, path, f"interactions[{n}]") for n, one in enumerate(listed))
    _refuse_twins(interactions, path)
    return PactFile(
        path=path,
        consumer=_text(_at(top, ("consumer", "name")), path, "consumer.name"),
        provider=_text(_at(top, ("provider", "name")), path, "provider.name"),
        interactions=interactions,
        document=top,
    )


def read_pacts(folder: Path) -> tuple[PactFile, ...]:
    """All of a folder, sorted by name. Raises `PactError`, also for a folder without any."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise PactError("no pact file (*.json) there; the consumers' tests write them", path=folder)
    return tuple(read_pact(path) for path in paths)


def pacts_with(provider: str, files: Iterable[PactFile]) -> tuple[PactFile, ...]:
    """Those that this provider has to keep. Raises `PactError` when there is none: a slip in its name, most likely."""
    known = tuple(files)
    found = tuple(file for file in known if file.provider == provider)
    if not found:
        names = ", ".join(sorted({file.provider for file in known})) or "none"
        raise PactError(f"no pact names the provider {provider!r}; known: {names}")
    return found


def _interaction(value: object, path: Path, where: str) -> Interaction:
    one = _mapping(value, path, where)
    kind = one.get("type")
    if kind not in _KINDS:
        raise PactError(f"{where}.type is {kind!r}; known: {', '.join(_KINDS)}", path=path)
    states = one.get("providerStates", [])
    if not isinstance(states, list):
        raise PactError(f"{where}.providerStates must be a list", path=path)
    pending = one.get("pending", False)
    if not isinstance(pending, bool):
        raise PactError(f"{where}.pending must be true or false", path=path)
    return Interaction(
        description=_text(one.get("description"), path, f"{where}.description"),
        kind=kind,
        states=tuple(_state(state, path, f"{where}.providerStates[{n}]") for n, state in enumerate(states)),
        pending=pending,
    )


def _state(value: object, path: Path, where: str) -> State:
    one = _mapping(value, path, where)
    params = _mapping(one.get("params", {}), path, f"{where}.params")
    return State(name=_text(one.get("name"), path, f"{where}.name"), params=params)


def _refuse_twins(interactions: Iterable[Interaction], path: Path) -> None:
    """A result names its interaction by its description: two of one name could stand in for each other."""
    seen: set[str] = set()
    for one in interactions:
        if one.description in seen:
            raise PactError(f"two interactions are called {one.description!r}; rename one", path=path)
        seen.add(one.description)


def _mapping(value: object, path: Path, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PactError(f"{where} must be an object", path=path)
    return value


def _text(value: object, path: Path, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise PactError(f"{where} must be a text that is not empty", path=path)
    return value


def _at(value: object, keys: Iterable[str]) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
