"""Rules on whole operations: what can be asked, with what, and which statuses come."""

from __future__ import annotations

from collections.abc import Iterator

from windtunnel.contracts.document import Operation, Parameter
from windtunnel.contracts.rules.rule import Operations, Rule

Key = tuple[str, str]


def api_removed(pair: Operations) -> Iterator[str]:
    if pair.new is None:
        yield "the operation is gone"


def operation_id_changed(pair: Operations) -> Iterator[str]:
    if pair.new is not None and pair.old.id != pair.new.id:
        yield f"{pair.old.id} is called {pair.new.id} now"


def parameter_removed(pair: Operations) -> Iterator[str]:
    for key in _parameters(pair.old) if pair.new else ():
        if key not in _parameters(pair.new):
            yield f"the {key[1]} parameter {key[0]!r} is gone"


def parameter_added_required(pair: Operations) -> Iterator[str]:
    for key, parameter in _parameters(pair.new).items():
        if parameter.required and key not in _parameters(pair.old):
            yield f"the new {key[1]} parameter {key[0]!r} is required"


def parameter_became_required(pair: Operations) -> Iterator[str]:
    before = _parameters(pair.old)
    for key, parameter in _parameters(pair.new).items():
        if parameter.required and key in before and not before[key].required:
            yield f"the {key[1]} parameter {key[0]!r} was optional and is required"


def body_became_required(pair: Operations) -> Iterator[str]:
    if pair.new is not None and pair.new.body_required and not pair.old.body_required:
        yield "a body is required, which was not before"


def request_media_type_removed(pair: Operations) -> Iterator[str]:
    for form in pair.old.body if pair.new else ():
        if form not in pair.new.body:  # type: ignore[union-attr]
            yield f"a body of {form} is not taken any more"


def success_status_removed(pair: Operations) -> Iterator[str]:
    yield from (f"{status} does not come any more" for status in _gone(pair) if status.startswith("2"))


def other_status_removed(pair: Operations) -> Iterator[str]:
    yield from (f"{status} does not come any more" for status in _gone(pair) if not status.startswith("2"))


def success_status_added(pair: Operations) -> Iterator[str]:
    yield from (f"{status} may come, too" for status in _come(pair) if status.startswith("2"))


def other_status_added(pair: Operations) -> Iterator[str]:
    yield from (f"{status} may come, too" for status in _come(pair) if not status.startswith("2"))


def security_added(pair: Operations) -> Iterator[str]:
    """Alternatives that were enough before must still be; none at all was one."""
    if pair.new is None:
        return
    before, now = pair.old.security or ((),), pair.new.security or ((),)
    for one in before:
        if not any(set(needed) <= set(one) for needed in now):
            enough = " + ".join(one) or "nothing"
            yield f"{enough} was enough; needed now: {' or '.join(' + '.join(n) for n in now)}"


def _parameters(operation: Operation | None) -> dict[Key, Parameter]:
    # Names of headers are the same in small and capital letters.
    # A variable of a path may have another one: its place tells which it is, and the path has as many as before.
    found = [parameter for parameter in operation.parameters if parameter.place != "path"] if operation else []
    return {(p.name.lower() if p.place == "header" else p.name, p.place): p for p in found}


def _gone(pair: Operations) -> list[str]:
    return [status for status in pair.old.answers if pair.new.answer_of(status) is None] if pair.new else []


def _come(pair: Operations) -> list[str]:
    return [status for status in pair.new.answers if pair.old.answer_of(status) is None] if pair.new else []


# fmt: off
RULES = (
    Rule("api-removed", "break", api_removed, "keep it, mark it deprecated, and remove it when nobody calls it"),
    Rule("api-operation-id-changed", "warn", operation_id_changed, "keep the id: generated clients are named by it"),
    Rule("request-parameter-removed", "break", parameter_removed, "go on taking it"),
    Rule("new-required-request-parameter", "break", parameter_added_required, "make it optional, with a default"),
    Rule("request-parameter-became-required", "break", parameter_became_required, "leave it optional"),
    Rule("request-body-became-required", "break", body_became_required, "leave it optional"),
    Rule("request-body-media-type-removed", "break", request_media_type_removed, "go on taking it"),
    Rule("response-success-status-removed", "break", success_status_removed, "go on answering with it"),
    Rule("response-non-success-status-removed", "break", other_status_removed,
         "go on answering with it: clients decide by it what to do next"),
    Rule("response-success-status-added", "warn", success_status_added, "see that clients take every 2xx"),
    Rule("response-non-success-status-added", "warn", other_status_added,
         "see that clients bear one they do not know"),
    Rule("api-security-added", "break", security_added, "go on accepting what was enough"),
)
