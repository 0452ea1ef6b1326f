"""Replays contracts against the real provider. Never vacuous: what was not replayed is an error, not a pass.

files of the provider ──> all states have a handler? all messages a producer? ──> states, requests, answers
                                                                                    └─> every interaction has a result?
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from windtunnel.contracts.pact_files import HTTP, Interaction, PactFile
from windtunnel.contracts.pact_library import load_pact
from windtunnel.contracts.pact_states import StateRun, States
from windtunnel.contracts.pact_talk import MESSAGE_PATH, STATE_PATH, Talk
from windtunnel.errors import CheckFailedError, PactError, StateError

Producers = Mapping[str, Callable[[object], object]]
"""By description, what makes a message: gets the system under test, returns what becomes its JSON."""


_NOBODY: Producers = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one interaction."""

    pact: PactFile
    interaction: Interaction
    reasons: tuple[str, ...]
    """Empty when it was kept."""

    @property
    def kept(self) -> bool:
        return not self.reasons

    @property
    def broken(self) -> bool:
        """Not kept, and not pending either."""
        return bool(self.reasons) and not self.interaction.pending

    def __str__(self) -> str:
        return f"{self.pact.path}: {self.interaction.description!r}: {'; '.join(self.reasons) or 'kept'}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """One provider against its contracts: a result for every interaction."""

    provider: str
    results: tuple[Result, ...]
    output: str
    """The verifier's own words, for evidence."""

    @property
    def broken(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.broken)

    @property
    def pending(self) -> tuple[Result, ...]:
        """Agreed on, not kept yet."""
        return tuple(result for result in self.results if result.reasons and result.interaction.pending)

    def check(self) -> None:
        """Raise `CheckFailedError` that names every broken interaction, with its file and reasons."""
        if self.broken:
            raise CheckFailedError(
                "\n".join(
                    [f"{self.provider} breaks {len(self.broken)} of {len(self.results)}:", *map(str, self.broken)]
                )
            )


def verify(
    provider: str,
    files: Sequence[PactFile],
    *,
    states: States,
    system: object = None,
    url: str = "",
    producers: Producers = _NOBODY,
    timeout: float = 10.0,
) -> Report:
    """Replay every interaction of `files`, all of them contracts with `provider`.

    `url` is where it answers, `producers` what sends its messages, `timeout` seconds for one answer. Raises `PactError`
    before anything is replayed when something would be missing; `StateError` when a state failed, or a result is
    missing.
    """
    _check(provider, files, url=url, producers=producers)
    states.check_cover(files)
    run = StateRun(states=states, system=system)
    made = _Messages(producers, system)
    with Talk(lambda path, asked: made.answer(asked) if path == MESSAGE_PATH else _changed(run, asked)) as talk:
        try:
            raw, output = _execute(provider, files, url=url, talk=talk, timeout=timeout)
        finally:
            run.end()
    run.check(files)
    made.check()
    return Report(provider=provider, results=_results(files, raw), output=output)


def _check(provider: str, files: Sequence[PactFile], *, url: str, producers: Producers) -> None:
    if not files:
        raise PactError(f"no pact to verify {provider!r} with: that would pass without having looked")
    consumers: set[str] = set()
    for file in files:
        if file.provider != provider:
            raise PactError(f"is a contract with {file.provider!r}, not with {provider!r}", path=file.path)
        if file.consumer in consumers:
            raise PactError(
                f"is the second contract of {file.consumer!r}; verify each in a run of its own", path=file.path
            )
        consumers.add(file.consumer)
        for one in file.interactions:
            if one.kind == HTTP and not url:
                raise PactError(
                    f"{one.description!r} is an HTTP interaction; say where {provider} answers", path=file.path
                )
            if one.kind != HTTP and one.description not in producers:
                known = ", ".join(sorted(producers)) or "none"
                raise PactError(f"the message {one.description!r} has no producer; known: {known}", path=file.path)


def _changed(run: StateRun, asked: Mapping[str, Any]) -> bytes:
    return json.dumps(run.change(asked["state"], asked["action"], asked.get("params") or {})).encode()


class _Messages:
    """Makes messages when they are asked for, and remembers what went wrong."""

    def __init__(self, producers: Producers, system: object) -> None:
        self._producers, self._system, self._trouble = producers, system, list[str]()

    def answer(self, asked: Mapping[str, Any]) -> bytes:
        name = asked["description"]
        try:
            return json.dumps(self._producers[name](self._system)).encode()
        except Exception as error:  # told by check(), in full; the verifier would say only that something failed
            self._trouble.append(f"the message {name!r} could not be made: {type(error).__name__}: {error}")
            return b"null"

    def check(self) -> None:
        if self._trouble:
            raise StateError("\n".join(self._trouble))


def _execute(
    provider: str, files: Sequence[PactFile], *, url: str, talk: Talk, timeout: float
) -> tuple[list[Mapping[str, Any]], str]:
    host = urlsplit(url).hostname or "127.0.0.1"
    verifier = load_pact().Verifier(provider, host=host)
    if url:
        verifier.add_transport(url=url)
    if any(one.kind != HTTP for file in files for one in file.interactions):
        verifier.add_transport(protocol="message", port=talk.port, path=MESSAGE_PATH, scheme="http")
    verifier.state_handler(f"http://127.0.0.1:{talk.port}{STATE_PATH}", teardown=True, body=True)
    verifier.set_request_timeout(int(timeout * 1000)).set_coloured_output(enabled=False)
    for file in files:
        verifier.add_source(file.path)
    try:
        verifier.verify()
    except RuntimeError:
        # It says only that something failed; what, is in the results.
        if not verifier.results.get("interactionResults"):
            raise StateError(f"{provider} was not verified: {verifier.output(strip_ansi=True).strip()}") from None
    return verifier.results["interactionResults"], verifier.output(strip_ansi=True)


def _results(files: Sequence[PactFile], raw: Sequence[Mapping[str, Any]]) -> tuple[Result, ...]:
    by_name = {(one["consumer"], one["description"]): one for one in raw}
    results, missing = [], []
    for file in files:
        for interaction in file.interactions:
            one = by_name.get((file.consumer, interaction.description))
            if one is None:
                missing.append(f"{file.path}: {interaction.description!r}")
            else:
                results.append(Result(pact=file, interaction=interaction, reasons=_reasons(one)))
    if missing:
        raise StateError("not everything was replayed, so nothing is known; missing: " + ", ".join(missing))
    return tuple(results)


def _reasons(one: Mapping[str, Any]) -> tuple[str, ...]:
    if one["result"] == "OK":
        return ()
    mismatch = one.get("mismatch") or {}
    found = [_reason(part) for part in mismatch.get("mismatches", ())]
    return tuple(found) or (str(mismatch.get("message") or "failed, without a reason given"),)


def _reason(part: Mapping[str, Any]) -> str:
    where = part.get("path") or part.get("key") or ""
    kind = str(part.get("type", "")).removesuffix("Mismatch").lower()
    return f"{kind} {where}: {part.get('mismatch')}" if where else f"{kind}: {part.get('mismatch')}"
