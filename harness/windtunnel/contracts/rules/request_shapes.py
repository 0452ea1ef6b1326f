"""Rules on what a client sends: whatever was taken must still be taken."""

from __future__ import annotations

from collections.abc import Iterator

from windtunnel.contracts.rules.rule import Rule, Shapes
from windtunnel.contracts.shape import LOWER, UPPER, includes


def property_became_required(pair: Shapes) -> Iterator[str]:
    for name in sorted((pair.new.required - pair.old.required) & pair.old.properties.keys()):
        yield f"{name} was optional and is required"


def new_required_property(pair: Shapes) -> Iterator[str]:
    for name in sorted(pair.new.required - pair.old.required - pair.old.properties.keys()):
        yield f"the new {name} is required"


def property_removed(pair: Shapes) -> Iterator[str]:
    if pair.new.closed:
        yield from (f"{name} is refused now" for name in pair.old.properties if name not in pair.new.properties)


def property_ignored(pair: Shapes) -> Iterator[str]:
    if not pair.new.closed:
        gone = [name for name in pair.old.properties if name not in pair.new.properties]
        yield from (f"{name} has no meaning any more" for name in gone)


def closed(pair: Shapes) -> Iterator[str]:
    if pair.new.closed and not pair.old.closed:
        yield "properties that are not named were ignored and are refused"


def type_changed(pair: Shapes) -> Iterator[str]:
    if lost := sorted(kind for kind in pair.old.types if not includes(pair.new.types, kind)):
        yield f"{', '.join(lost)} is not taken any more; taken: {', '.join(sorted(pair.new.types)) or 'nothing'}"


def enum_value_removed(pair: Shapes) -> Iterator[str]:
    if pair.new.values is None:
        return
    if pair.old.values is None:
        yield f"only {', '.join(sorted(pair.new.values))} is taken now"
        return
    yield from (f"{value} is not taken any more" for value in sorted(pair.old.values - pair.new.values))


def bounds_tightened(pair: Shapes) -> Iterator[str]:
    for key, bound in pair.new.bounds.items():
        before = pair.old.bounds.get(key)
        tighter = before is None or (key in LOWER and bound > before) or (key in UPPER and bound < before)
        if tighter:
            yield f"{key} was {'not set' if before is None else before} and is {bound}"


def pattern_changed(pair: Shapes) -> Iterator[str]:
    yield from (f"the pattern {pattern!r} is new" for pattern in sorted(pair.new.patterns - pair.old.patterns))


def format_added(pair: Shapes) -> Iterator[str]:
    yield from (f"the format {name} is new" for name in sorted(pair.new.formats - pair.old.formats))


def alternative_removed(pair: Shapes) -> Iterator[str]:
    if pair.new.alternatives is not None:
        gone = (pair.old.alternatives or frozenset()) - pair.new.alternatives
        if pair.old.alternatives is None or gone:
            yield "one of the alternatives is not taken any more"


# fmt: off
RULES = (
    Rule("request-property-became-required", "break", property_became_required, "leave it optional"),
    Rule("new-required-request-property", "break", new_required_property, "make it optional, with a default"),
    Rule("request-property-removed", "break", property_removed, "go on taking it, if only to ignore it"),
    Rule("request-property-ignored", "warn", property_ignored, "tell clients that it does nothing"),
    Rule("request-additional-properties-refused", "break", closed, "go on ignoring what is not known"),
    Rule("request-property-type-changed", "break", type_changed, "take the old type as well"),
    Rule("request-property-enum-value-removed", "break", enum_value_removed, "go on taking it"),
    Rule("request-property-bounds-tightened", "break", bounds_tightened, "leave the bound, or let it out"),
    Rule("request-property-pattern-changed", "break", pattern_changed,
         "leave it: that it takes all that the old one took cannot be shown"),
    Rule("request-property-format-added", "break", format_added, "take what was taken before, whatever its format"),
    Rule("request-alternative-removed", "break", alternative_removed, "go on taking it"),
)
