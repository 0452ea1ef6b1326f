"""Closes the objects of a schema, so that a member which nobody documented is noticed.

A published schema is open: a client must bear members that it does not know. A service's own test must not.
"""

from __future__ import annotations

from typing import Any

_EACH = ("properties", "patternProperties")
_ONE = ("items", "additionalProperties", "unevaluatedProperties")
_PARTS = ("allOf", "oneOf", "anyOf", "prefixItems")


def closed(schema: Any, *, inside: bool = False) -> Any:
    """The same schema with every object in it closed.

    `inside`: itself stays open, because whoever refers to it may add members (`allOf`); what it holds is closed.
    """
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    for key in _EACH:
        if key in found:
            found[key] = {name: closed(part) for name, part in found[key].items()}
    for key in _ONE:
        if key in found:
            found[key] = closed(found[key])
    for key in _PARTS:
        if key in found:
            found[key] = [closed(part, inside=key != "prefixItems") for part in found[key]]
    # Around it, not in it: what a reference or a part allows counts as named.
    return found if inside else {"allOf": [found], "unevaluatedProperties": False}
