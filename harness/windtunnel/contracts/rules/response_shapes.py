"""Rules on what a client gets: nothing may come that could not come before, nothing be missing that was promised."""

from __future__ import annotations

from collections.abc import Iterator

from windtunnel.contracts.rules.rule import Rule, Shapes
from windtunnel.contracts.shape import LOWER, includes


def required_property_removed(pair: Shapes) -> Iterator[str]:
    for name in sorted(pair.old.required - pair.new.properties.keys() - pair.new.required):
        yield f"{name} is gone"


def optional_property_removed(pair: Shapes) -> Iterator[str]:
    for name in pair.old.properties:
        if name not in pair.new.properties and name not in pair.old.required:
            yield f"the optional {name} is gone"


def property_became_optional(pair: Shapes) -> Iterator[str]:
    for name in sorted((pair.old.required - pair.new.required) & pair.new.properties.keys()):
        yield f"{name} may be missing"


def type_changed(pair: Shapes) -> Iterator[str]:
    if more := sorted(kind for kind in pair.new.types - {"null"} if not includes(pair.old.types, kind)):
        yield f"{', '.join(more)} may come; before: {', '.join(sorted(pair.old.types))}"


def became_nullable(pair: Shapes) -> Iterator[str]:
    if "null" in pair.new.types and "null" not in pair.old.types:
        yield "it may be null"


def enum_value_added(pair: Shapes) -> Iterator[str]:
    if pair.old.values is None:
        return
    if pair.new.values is None:
        yield f"any value may come; before: {', '.join(sorted(pair.old.values))}"
        return
    # Null is told by became_nullable.
    yield from (f"{value} may come" for value in sorted(pair.new.values - pair.old.values) if value != "null")


def bounds_let_out(pair: Shapes) -> Iterator[str]:
    for key, before in pair.old.bounds.items():
        bound = pair.new.bounds.get(key)
        if bound is None or (bound < before if key in LOWER else bound > before):
            yield f"{key} was {before} and is {'not set' if bound is None else bound}"


def pattern_changed(pair: Shapes) -> Iterator[str]:
    yield from (f"the pattern {pattern!r} is gone" for pattern in sorted(pair.old.patterns - pair.new.patterns))


def format_changed(pair: Shapes) -> Iterator[str]:
    yield from (f"the format {name} is gone" for name in sorted(pair.old.formats - pair.new.formats))


def alternative_added(pair: Shapes) -> Iterator[str]:
    if pair.old.alternatives is not None:
        more = (pair.new.alternatives or frozenset()) - pair.old.alternatives
        if pair.new.alternatives is None or more:
            yield "another alternative may come"


RULES = (
    Rule("response-required-property-removed", "break", required_property_removed, "go on sending it"),
    Rule(
        "response-optional-property-removed", "warn", optional_property_removed, "go on sending it where it made sense"
    ),
    Rule("response-property-became-optional", "break", property_became_optional, "go on sending it always"),
    Rule("response-property-type-changed", "break", type_changed, "add a property of the new type beside it"),
    Rule("response-property-became-nullable", "break", became_nullable, "leave it out of an optional property instead"),
    Rule("response-property-enum-value-added", "break", enum_value_added, "keep to the values that clients know"),
    Rule("response-property-bounds-let-out", "warn", bounds_let_out, "see that clients bear the new range"),
    Rule("response-property-pattern-changed", "warn", pattern_changed, "see that clients bear the new form"),
    Rule("response-property-format-changed", "break", format_changed, "keep the format"),
    Rule("response-alternative-added", "break", alternative_added, "keep to the alternatives that clients know"),
)
