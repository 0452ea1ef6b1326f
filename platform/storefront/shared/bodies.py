"""Reading what a client sent: strict, and each refusal says which field and what would be right."""

from __future__ import annotations

import hashlib
import json
import re

from flask import request

from storefront.shared.problems import Problem

_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class Body:
    """The JSON object of the current request. Every method raises `Problem` 422 (400 and 415 when made)."""

    def __init__(self) -> None:
        if request.mimetype != "application/json":
            raise Problem(415, "unsupported-media-type", "Content-Type must be application/json")
        try:
            value = json.loads(request.get_data())
        except (ValueError, RecursionError):
            raise Problem(400, "malformed-json", "The body is not JSON") from None
        if not isinstance(value, dict):
            raise Problem(422, "invalid-body", "The body must be a JSON object")
        self._fields: dict[str, object] = value
        self._read: set[str] = set()

    def text(self, name: str, pattern: str, meaning: str) -> str:
        """A text that matches the whole pattern; `meaning` says it in words."""
        value = self._take(name)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Problem(422, "invalid-body", f"{name} must be {meaning}")
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`; 2.0 is one, as in JSON Schema."""
        value = self._take(name)
        if isinstance(value, float) and value.is_integer():
            self._fields[name] = value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Problem(422, "invalid-body", f"{name} must be a whole number from {low} to {high}")
        return value

    def fingerprint(self) -> str:
        """Tells two payloads apart that came with the same key. Call it last: it refuses fields that nobody read."""
        if unknown := sorted(self._fields.keys() - self._read):
            raise Problem(
                422, "invalid-body", f"unknown field {unknown[0][:50]!r}; known: {', '.join(sorted(self._read))}"
            )
        return hashlib.sha256(json.dumps(self._fields, sort_keys=True).encode()).hexdigest()

    def _take(self, name: str) -> object:
        if name not in self._fields:
            raise Problem(422, "invalid-body", f"{name} is missing")
        self._read.add(name)
        return self._fields[name]


def idempotency_key() -> str:
    """The request's Idempotency-Key. Raises `Problem` 400 when there is none, or none that can be used."""
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        raise Problem(400, "idempotency-key", "Idempotency-Key must be 1 to 200 visible ASCII characters")
    return key


def check_same_payload(known: str, sent: str) -> None:
    """A key belongs to one payload for ever. Raises `Problem` 422."""
    if known != sent:
        raise reused()


def reused() -> Problem:
    """The key stands for another payload."""
    return Problem(422, "idempotency-key-reused", "This Idempotency-Key was used with another payload")
