"""What a second terminal may ask of a standing system, and what it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Final

from windtunnel.errors import BadInputError, WindtunnelError
from windtunnel.spec.surroundings import Surroundings
from windtunnel.standby.control import Caller
from windtunnel.standby.in_place import FaultsInPlace, Say
from windtunnel.standby.screen import fault_line
from windtunnel.standby.words import read_words
from windtunnel.standby.worker import Act, Worker

OK, WRONG_INPUT, UNPROVEN = 0, 2, 3
LISTENING: Final = 0.2
"""Seconds between two looks whether who waits in the queue still does."""


class Desk:
    """Answers callers; each on a thread of its own."""

    def __init__(
        self,
        topology: str,
        around: Surroundings,
        faults: FaultsInPlace,
        worker: Worker,
        tell: Say,
        *,
        redact: Callable[[str], str],
    ) -> None:
        """`tell` is the first terminal, which hears of all that is done; `redact` takes secrets out for the others."""
        self._redact = redact
        self._who = {"topology": topology, "since": time.strftime("%H:%M:%S")}
        self._around, self._faults, self._worker, self._tell = around, faults, worker, tell

    def answer(self, question: Mapping[str, Any], caller: Caller) -> int:
        """Say what there is to say; the caller's exit code."""
        match question:
            case {"ask": "who"}:
                caller.send(**self._who)
                return OK
            case {"ask": "list"}:
                return self._list(caller)
            case {"ask": "fault", "words": [*words]}:
                return self._guarded(caller, lambda say: self._put(words, say))
            case {"ask": "lift", "numbers": [*numbers]}:
                return self._guarded(caller, lambda say: self._lift(numbers, say))
        caller.send(wrong="this `windtunnel up` does not understand the question; is it of another version?")
        return WRONG_INPUT

    def _list(self, caller: Caller) -> int:
        now = time.monotonic()
        for line in [fault_line(entry, now) for entry in self._faults.current] or ["nothing is in place"]:
            caller.say(line)
        return OK

    def _put(self, words: Sequence[str], say: Say) -> Act:
        asked = read_words(words, self._around)
        return lambda: self._faults.put(asked, say)

    def _lift(self, numbers: Sequence[int], say: Say) -> Act:
        """None: all. Looked up when its turn has come: what was in place may be gone by then."""

        def lift() -> bool:
            there = {entry.number: entry for entry in self._faults.current}
            for number in numbers:
                if number not in there:
                    listed = ", ".join(map(str, there.values())) or "nothing"
                    raise BadInputError(f"no fault {number} is in place; in place: {listed}")
            if not there:
                say("nothing is in place")
            return self._faults.lift([there[n] for n in numbers] or there.values(), say)

        return lift

    def _guarded(self, caller: Caller, act: Callable[[Say], Act]) -> int:
        """Have it done by the worker, told to both terminals; whatever is wrong is told to the caller."""

        def say(text: str) -> None:
            self._tell(text)
            caller.say(self._redact(text))

        try:
            return OK if _await(self._worker.ask(act(say)), caller) else UNPROVEN
        except BadInputError as mistake:
            caller.send(wrong=str(mistake))
            return WRONG_INPUT
        except CancelledError:
            caller.say("not done: the system is being taken down")
        except WindtunnelError as error:
            caller.say(self._redact("; ".join([f"not done: {error}", *getattr(error, "__notes__", ())])))
        except Exception as bug:
            caller.say(f"not done: {type(bug).__name__}: {bug}")
            raise
        return UNPROVEN


def _await(future: Future[bool], caller: Caller) -> bool:
    """Its result. Who hangs up before its turn has come is not served; after that it is done to its end."""
    while True:
        try:
            future.exception(LISTENING)
        except TimeoutError:
            if caller.gone:
                future.cancel()
        else:
            return future.result()
