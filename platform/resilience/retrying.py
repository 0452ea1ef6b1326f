"""The retry for plain functions: a database at start-up, a queue, a file on a network. HTTP calls have `Retry`."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from resilience.backoff import Backoff, RetrySettings
from resilience.budget import Budget
from resilience.deadline import time_left
from resilience.errors import PolicyError

P = ParamSpec("P")
R = TypeVar("R")


def retrying(
    function: Callable[P, R],
    settings: RetrySettings | None = None,
    *,
    on: type[Exception] | tuple[type[Exception], ...],
    budget: Budget | None = None,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random | None = None,
) -> Callable[P, R]:
    """The same function, called again when it raises one of `on`: `connect = retrying(connect, on=OSError)`.

    Only for what may be done twice. The last error comes out as it was. Never waits past the end of a
    `deadline_scope`. A policy's error is not retried, whatever `on` says. `settings.longest_wait` has no meaning here.
    """
    pause = _Pause(Backoff(settings or RetrySettings(), rng), budget, sleep)

    @functools.wraps(function)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        attempt = 1
        while True:
            try:
                result = function(*args, **kwargs)
            except on as exc:
                if not pause.over(exc, attempt):
                    raise
                attempt += 1
            else:
                if budget is not None:
                    budget.succeeded()
                return result

    return again


class _Pause:
    """What lies between two attempts."""

    def __init__(self, backoff: Backoff, budget: Budget | None, sleep: Callable[[float], None]) -> None:
        self._backoff, self._budget, self._sleep = backoff, budget, sleep

    def over(self, error: Exception, attempt: int) -> bool:
        """Whether another attempt may be made; if so, the wait before it is over."""
        if self._budget is not None:
            self._budget.failed()
        if isinstance(error, PolicyError) or self._backoff.last(attempt):
            return False
        wait, left = self._backoff.wait(attempt), time_left()
        if left is not None and left <= wait:
            return False
        if self._budget is not None and not self._budget.allows():
            return False
        self._sleep(wait)
        return time_left() != 0.0
