"""What a schema allows, gathered from wherever it says so: references followed, `allOf` merged, null counted as a type.

Simple on purpose: what is compared is what documents of services use. `oneOf` and `anyOf` are kept as alternatives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from windtunnel.contracts.document import Document, Schema

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
"""Bounds that allow less when they rise."""
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
"""Bounds that allow less when they fall."""
_ALL = frozenset({"null", "boolean", "number", "string", "array", "object"})
_DEEPEST = 50


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One level of a schema; what lies below is still a schema."""

    types: frozenset[str] = _ALL
    values: frozenset[str] | None = None
    """Of `enum` and `const`, as JSON; None: any."""
    properties: Mapping[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    closed: bool = False
    """No other properties."""
    others: Schema | None = None
    """What properties that are not named must be."""
    items: Schema | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)
    patterns: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    alternatives: frozenset[str] | None = None
    """Of `oneOf` and `anyOf`, as JSON; None: there are none."""


def shape_of(document: Document, schema: Any, depth: int = 0) -> Shape:
    """Raises `ContractError` for a reference that leads nowhere."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return Shape()
    shape = _own(schema)
    if "$ref" in schema:
        shape = _both(shape, shape_of(document, document.follow(schema), depth + 1))
    for part in schema.get("allOf", ()):
        shape = _both(shape, shape_of(document, part, depth + 1))
    for key in ("oneOf", "anyOf"):
        if key in schema:
            shape = _both(shape, _either(document, schema[key], depth))
    return shape


def _own(schema: Schema) -> Shape:
    values = frozenset(map(_json, schema["enum"])) if "enum" in schema else None
    if "const" in schema:
        values = frozenset({_json(schema["const"])})
    written = schema.get("type")
    types = frozenset([written] if isinstance(written, str) else written) if written else _ALL
    if values is not None:
        types = _types_of(values) if not written else types
    return Shape(
        types=types,
        values=values,
        properties=schema.get("properties", {}),
        required=frozenset(schema.get("required", ())),
        closed=schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False,
        others=schema["additionalProperties"] if isinstance(schema.get("additionalProperties"), Mapping) else None,
        items=schema.get("items"),
        bounds={key: schema[key] for key in (*LOWER, *UPPER) if key in schema},
        patterns=frozenset({schema["pattern"]} if "pattern" in schema else ()),
        formats=frozenset({schema["format"]} if "format" in schema else ()),
    )


def _either(document: Document, parts: Any, depth: int) -> Shape:
    """X or null is X that may be null; more than that stays alternatives."""
    shapes = [shape_of(document, part, depth + 1) for part in parts]
    others = [shape for shape in shapes if shape.types != {"null"}]
    if len(others) == 1 and len(shapes) == 2:
        one = others[0]
        values = None if one.values is None else one.values | {"null"}
        return Shape(**{**vars(one), "types": one.types | {"null"}, "values": values})
    types = frozenset[str]().union(*(shape.types for shape in shapes))
    return Shape(types=types, alternatives=frozenset(_json(document.follow(part)) for part in parts))


def _both(one: Shape, other: Shape) -> Shape:
    """What both allow."""
    properties = dict(one.properties)
    for name, schema in other.properties.items():
        properties[name] = {"allOf": [properties[name], schema]} if name in properties else schema
    bounds = dict(one.bounds)
    for key, bound in other.bounds.items():
        pick = max if key in LOWER else min
        bounds[key] = pick(bounds.get(key, bound), bound)
    return Shape(
        types=common_types(one.types, other.types),
        values=_known(one.values, other.values),
        properties=properties,
        required=one.required | other.required,
        closed=one.closed or other.closed,
        others=_all_of(one.others, other.others),
        items=_all_of(one.items, other.items),
        bounds=bounds,
        patterns=one.patterns | other.patterns,
        formats=one.formats | other.formats,
        alternatives=_known(one.alternatives, other.alternatives),
    )


def _all_of(one: Schema | None, other: Schema | None) -> Schema | None:
    parts = [schema for schema in (one, other) if schema is not None]
    return {"allOf": parts} if parts else None


def _known(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def common_types(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """An integer is a number."""
    return frozenset({t for t in one if includes(other, t)} | {t for t in other if includes(one, t)})


def includes(types: frozenset[str], wanted: str) -> bool:
    """Whether a value of that type is among them."""
    return wanted in types or (wanted == "integer" and "number" in types)


def _types_of(values: frozenset[str]) -> frozenset[str]:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return frozenset(names.get(type(json.loads(value)), "null") for value in values)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
