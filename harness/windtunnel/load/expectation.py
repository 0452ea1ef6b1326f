"""Whether an answer was what its scenario wanted. One rule for the generator and for `DirectClient`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from windtunnel.load.client import Answer

Check = Callable[[Answer], str | None]


def unmet(answer: Answer, expect: Sequence[int], check: Check | None) -> str | None:
    """`expectation: ...` when the answer is not what was wanted, else None.

    The status comes first; `check` sees only answers of an expected status. A check that raises has met something
    that it did not foresee, which is a fault of the answer, not of the run.
    """
    status = answer.status or 0
    if not (status in expect if expect else 200 <= status < 400):
        wanted = ", ".join(map(str, expect)) or "2xx or 3xx"
        return f"expectation: status {status}, wanted {wanted}"
    if check is None:
        return None
    try:
        complaint = check(answer)
    except Exception as error:
        complaint = f"the check raised {type(error).__name__}: {error}"
    return f"expectation: {complaint}" if complaint else None
