"""The consumer's side: one interaction is drafted, played against the real client, and kept for the contract.

    drafts = Drafts(folder)
    draft = drafts.new("orders", "payments")
    draft.upon_receiving("a charge that is declined").with_request(...).will_respond_with(402)
    with drafts.played(draft) as url:
        assert charge(Peer(url), order) == "declined"
    ...
    collect(folder, Path("contracts/pacts"))

Every interaction goes to a file of its own, and `collect` merges them: tests can run in any order, in any number of
processes, and none of them shares a file or a Pact object with another.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windtunnel.contracts.pact_files import PactFile, canonical, read_document, read_pact
from windtunnel.contracts.pact_library import load_pact
from windtunnel.errors import PactError

if TYPE_CHECKING:
    from pact import Pact

_FROM_A_STATE = "ProviderState"
"""The one generator that a contract may hold: a value that only the provider can know, such as a token."""


class Drafts:
    """Interactions of one run, kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._used: list[Pact] = []

    def new(self, consumer: str, provider: str) -> Pact:
        """A Pact for one interaction, V4. It freezes when it is played: take a new one for the next."""
        pact: Pact = load_pact().Pact(consumer, provider).with_specification("V4")
        return pact

    @contextmanager
    def played(self, draft: Pact) -> Iterator[str]:
        """The provider as drafted, on loopback: yields its URL.

        The interaction is kept when the block ends well. Raises pact's `MismatchesError` when the client sent something
        else, or nothing; `PactError` for a draft that was played before.
        """
        self._use(draft)
        with draft.serve(addr="127.0.0.1") as server:
            yield str(server.url).rstrip("/")
        self._keep(draft)

    def heard(self, draft: Pact, listener: Callable[[Any], object]) -> None:
        """The same for a message: `listener` gets its parsed JSON, and raises when it cannot use it."""
        self._use(draft)

        def hear(body: str | bytes | None, _: dict[str, object]) -> None:
            listener(json.loads(body or "null"))

        draft.verify(hear, kind="Async")
        self._keep(draft)

    def _use(self, draft: Pact) -> None:
        if any(draft is used for used in self._used):
            raise PactError(f"{draft.consumer}->{draft.provider}: a draft plays once; take a new one with new()")
        self._used.append(draft)

    def _keep(self, draft: Pact) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            draft.write_file(scratch, overwrite=True)
            (written,) = Path(scratch).glob("*.json")
            document = json.loads(written.read_text(encoding="utf-8"))
        name = f"{draft.consumer}-{draft.provider}"
        pact = read_document(document, Path(f"{name}.json"))
        if len(pact.interactions) != 1:
            raise PactError(f"{name}: a draft holds one interaction, not {len(pact.interactions)}; draft each apart")
        description = pact.interactions[0].description
        if random := sorted(_generators(document["interactions"]) - {_FROM_A_STATE}):
            raise PactError(
                f"{name}: {description!r} has no example where it uses a {random[0]} matcher, so that its file would "
                f"differ each time; give the matcher a value"
            )
        kept = self._folder / f"{name}.{hashlib.sha256(description.encode()).hexdigest()[:16]}.json"
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with kept.open("x", encoding="utf-8") as file:
                file.write(canonical(document))
        except FileExistsError:
            raise PactError(f"{name}: two tests play {description!r}; give each its own description") from None


def collect(drafts: Path, folder: Path) -> tuple[Path, ...]:
    """Merge the kept interactions into `CONSUMER-PROVIDER.json` files; pacts that nobody plays any more are removed.

    Raises `PactError` when nothing was kept.
    """
    found: dict[str, list[PactFile]] = defaultdict(list)
    for path in sorted(drafts.glob("*.json")):
        pact = read_pact(path)
        found[f"{pact.consumer}-{pact.provider}.json"].append(pact)
    if not found:
        raise PactError("no interaction was played; run the consumers' tests first", path=drafts)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(folder.glob("*.json")) - {folder / name for name in found}:
        stale.unlink()
    for name, parts in found.items():
        interactions = [one for part in parts for one in part.document["interactions"]]
        (folder / name).write_text(canonical({**parts[0].document, "interactions": interactions}), encoding="utf-8")
    return tuple(folder / name for name in sorted(found))


def _generators(value: object) -> set[str]:
    """The kinds of all generators in it, however deep."""
    if isinstance(value, list):
        return {kind for one in value for kind in _generators(one)}
    if not isinstance(value, Mapping):
        return set()
    own = _kinds(value["generators"]) if "generators" in value else set()
    return own | {kind for name, one in value.items() if name != "generators" for kind in _generators(one)}


def _kinds(value: object) -> set[str]:
    if not isinstance(value, Mapping):
        return set()
    own = {value["type"]} if isinstance(value.get("type"), str) else set()
    return own | {kind for one in value.values() for kind in _kinds(one)}
