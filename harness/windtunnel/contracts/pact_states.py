"""Provider states: what must be so before an interaction is replayed, and is no longer so afterwards.

    states = States()

    @states.given("payments cannot reach the bank")
    def bank_away(shop):
        with shop.chaos.down("payments->bank"):
            yield

A state is a generator with one `yield`: before it the state is set up, behind it taken back. It gets the system under
test, and the state's parameters as keywords. What it yields, a mapping, are values that only the provider knows; the
contract names them as `${name}`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from windtunnel.contracts.pact_files import PactFile, State
from windtunnel.errors import PactError, StateError

Handler = Callable[..., Iterator[Mapping[str, object] | None]]
SETUP = "setup"


class States:
    """The states that one provider, or one system, can be put into."""

    def __init__(self) -> None:
        self._handlers: dict[str, Callable[..., AbstractContextManager[Mapping[str, object] | None]]] = {}

    def given(self, name: str) -> Callable[[Handler], Handler]:
        """Decorates the generator that makes the state. Raises `PactError` for a name that is taken."""

        def register(handler: Handler) -> Handler:
            if name in self._handlers:
                raise PactError(f"the provider state {name!r} has two handlers; keep one")
            if not inspect.isgeneratorfunction(handler):
                raise PactError(
                    f"the handler of the provider state {name!r} has no yield; put one where the state holds"
                )
            self._handlers[name] = contextmanager(handler)
            return handler

        return register

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._handlers)

    def made(self, state: State, system: object) -> AbstractContextManager[Mapping[str, object] | None]:
        """The state for the length of a block."""
        return self._handlers[state.name](system, **state.params)

    def check_cover(self, files: Iterable[PactFile]) -> None:
        """Raise `PactError` for the first state without a handler, or with parameters that its handler does not take.

        Before anything runs: the native verifier would try eight times, for two minutes, and not say why.
        """
        for file in files:
            for interaction in file.interactions:
                for state in interaction.states:
                    if problem := self._problem(state):
                        raise PactError(
                            f"{interaction.description!r} is given {state.name!r}, {problem}", path=file.path
                        )

    def _problem(self, state: State) -> str:
        handler = self._handlers.get(state.name)
        if handler is None:
            known = ", ".join(sorted(self._handlers)) or "none"
            return f"which has no handler; write one with @states.given({state.name!r}). Known: {known}"
        try:
            inspect.signature(handler).bind(None, **state.params)
        except TypeError as error:
            return f"whose handler cannot be called with its parameters: {error}"
        return ""


@dataclass(kw_only=True)
class StateRun:
    """The states of one verification: which hold now, and what went wrong. Never raises into the verifier."""

    states: States
    system: object
    trouble: list[tuple[str, str]] = field(default_factory=list, init=False)
    """State, and what happened."""
    _open: dict[str, AbstractContextManager[Mapping[str, object] | None]] = field(default_factory=dict, init=False)

    def change(self, name: str, action: str, params: Mapping[str, Any]) -> Mapping[str, object]:
        """What the verifier asks for. Returns the values that the state knows."""
        if name not in self.states.names:  # asked for before and after every interaction without a state, with no name
            return {}
        key = json.dumps([name, params], sort_keys=True)
        try:
            if action == SETUP:
                return self._set_up(key, State(name=name, params=params))
            self._take_back(key)
        except Exception as error:  # whatever it is: the verifier would ask again for two minutes
            self._note(name, action, error)
        return {}

    def end(self) -> None:
        """Take back what was left standing."""
        for key in list(self._open):
            try:
                self._take_back(key)
            except Exception as error:
                self._note(json.loads(key)[0], "teardown", error)

    def check(self, files: Iterable[PactFile]) -> None:
        """Raise `StateError` when any state failed: whatever was replayed then means nothing."""
        if not self.trouble:
            return
        lines = [f"{_users(name, files)}: {what}" for name, what in self.trouble]
        raise StateError("\n".join([*lines, "mend the handler, or what it found; the pacts were not verified"]))

    def _set_up(self, key: str, state: State) -> Mapping[str, object]:
        if self.trouble:  # nothing counts any more
            return {}
        made = self.states.made(state, self.system)
        values = made.__enter__()
        self._open[key] = made
        return values or {}

    def _take_back(self, key: str) -> None:
        made = self._open.pop(key, None)
        if made is not None:
            made.__exit__(None, None, None)

    def _note(self, name: str, action: str, error: Exception) -> None:
        done = "could not be set up" if action == SETUP else "could not be taken back"
        self.trouble.append((name, f"the provider state {name!r} {done}: {type(error).__name__}: {error}"))


def _users(name: str, files: Iterable[PactFile]) -> str:
    """The interactions that are given it, with their files."""
    found = [
        f"{file.path}: {one.description!r}"
        for file in files
        for one in file.interactions
        if any(state.name == name for state in one.states)
    ]
    return ", ".join(found)
