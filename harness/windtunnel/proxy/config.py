"""The configuration file: the list that /populate takes, in a file; every mistake is named with file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from windtunnel.errors import BadInputError
from windtunnel.proxy.collection import ProxyFields
from windtunnel.proxy.errors import RefusalError
from windtunnel.proxy.fields import populate_fields

_EXAMPLE = '[{"name": "db", "listen": "127.0.0.1:5433", "upstream": "127.0.0.1:5432"}]'
_SPACE = re.compile(r"[ \t\r\n]*")
_PROXY = re.compile(r" at proxy (\d+)$|: proxy (\d+):")


def read_config(path: Path) -> list[ProxyFields]:
    """The proxies of a configuration file. Raises `BadInputError` with the file, the line, and what would be right."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise BadInputError(f"cannot be read: {reason}; write a JSON list like {_EXAMPLE}", path=path) from error
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise BadInputError(f"not JSON: {error}; write a list like {_EXAMPLE}", path=path, line=line) from error
    if not isinstance(value, list):
        raise BadInputError(f"not a list of proxies; write {_EXAMPLE}", path=path, line=1)
    try:
        return populate_fields(value)
    except RefusalError as error:
        raise mistake(path, str(error)) from error


def mistake(path: Path, message: str, number: int | None = None) -> BadInputError:
    """A mistake in the n-th proxy of the file (else in the one that the message names), with its line."""
    found = _PROXY.search(message)
    if number is None and found is not None:
        number = int(found[1] or found[2])
    line = list(_lines(path.read_text(encoding="utf-8-sig")))[number - 1] if number else None
    return BadInputError(message, path=path, line=line)


def _lines(text: str) -> Iterator[int]:
    """The line on which each entry of a JSON list begins."""
    decoder, position = json.JSONDecoder(), _after_space(text, text.index("[") + 1)
    while text[position] != "]":
        yield text.count("\n", 0, position) + 1
        _, position = decoder.raw_decode(text, position)
        position = _after_space(text, position)
        if text[position] == ",":
            position = _after_space(text, position + 1)


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position
