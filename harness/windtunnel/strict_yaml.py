"""Loads a YAML file into values that know their line. Whatever is wrong with the file is one error of one line.

Stricter than YAML: one document, no duplicate keys, keys are plain texts, no tags. Values keep the text they were
written with, so that no number is guessed out of `1:30`, `010` or `1_000`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml

from windtunnel.document import Entry, Kind, Place, Value, shorten
from windtunnel.errors import BadInputError

_LARGEST = 20_000
"""Values a file may hold once its aliases are followed; far above any honest file, far below a bomb."""
_DEEPEST = 50
_TAG = "tag:yaml.org,2002:"
_KINDS: dict[str, Kind] = {
    "str": "text",
    "timestamp": "text",
    "int": "number",
    "float": "number",
    "bool": "boolean",
    "null": "nothing",
    # `<<` and `=` are ordinary texts here.
    "merge": "text",
    "value": "text",
}
_REMEDIES = {
    "'\\t'": "indent with spaces, not tabs",
    "mapping values are not allowed": "a text that holds ': ' needs quotes",
    "expected a comment or a line break": 'a text that begins with > needs quotes: "> 1%"',
    "could not find expected ':'": "write 'key: value'",
    "found another document": "one file holds one document; remove the line ---",
    "cannot start any token": "a text that begins with a special character needs quotes",
    "expected <block end>": "check the indentation of this line",
    "expected ',' or": "close the bracket, or put the text in quotes",
}


def load_yaml(path: Path, error: type[BadInputError]) -> tuple[Value, bytes]:
    """The file's one value, and the bytes it was made of. Raises `error`, whatever is wrong with the file."""
    try:
        raw = path.read_bytes()
    except OSError as trouble:
        raise error(f"cannot be read: {trouble.strerror or trouble}", path=path) from None
    except ValueError as trouble:
        raise error(f"cannot be read: {trouble}", path=path) from None
    return parse_yaml(_decode(raw, path, error), path, error), raw


def parse_yaml(text: str, path: Path, error: type[BadInputError]) -> Value:
    """The text's one value. Raises `error`, whatever is wrong with it."""
    try:
        node = _compose(text)
    except yaml.YAMLError as trouble:
        raise _syntax_error(trouble, text, path, error) from None
    except RecursionError:
        raise error(f"nested more than {_DEEPEST} levels deep; make it flatter", path=path, line=1) from None
    except (ValueError, OverflowError) as trouble:
        # PyYAML lets these through, for instance for the escape "\\U00FFFFFF".
        raise error(f"not valid YAML: {shorten(str(trouble))}", path=path, line=1) from None
    if node is None:
        raise error("the file is empty", path=path, line=1)
    return _Tree(path, error).value(node)[0]


@lru_cache(maxsize=32)
def _compose(text: str) -> yaml.Node | None:
    """The text's nodes, which nobody changes. A topology is read again by each spec that names it."""
    # Not libyaml's composer: brackets nested deep enough would overflow its stack, and end the process.
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


def _decode(raw: bytes, path: Path, error: type[BadInputError]) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        line = raw.count(b"\n", 0, trouble.start) + 1
        raise error(f"not UTF-8 (byte 0x{raw[trouble.start]:02x}); save it as UTF-8", path=path, line=line) from None


def _syntax_error(trouble: yaml.YAMLError, text: str, path: Path, error: type[BadInputError]) -> BadInputError:
    if isinstance(trouble, yaml.reader.ReaderError):
        line = text.count("\n", 0, trouble.position) + 1
        character = text[trouble.position : trouble.position + 1]
        return error(f"the character {character!r} may not stand in YAML; remove it", path=path, line=line)
    if not isinstance(trouble, yaml.MarkedYAMLError):
        return error(f"not valid YAML: {shorten(str(trouble))}", path=path, line=1)
    problem = trouble.problem or trouble.context or "unreadable"
    remedy = next((f"; {text}" for sign, text in _REMEDIES.items() if sign in problem), "")
    mark = trouble.problem_mark or trouble.context_mark
    return error(f"not valid YAML: {shorten(problem, 90)}{remedy}", path=path, line=mark.line + 1 if mark else 1)


class _Tree:
    """Turns PyYAML's nodes into values, each node once, however many aliases lead to it."""

    def __init__(self, path: Path, error: type[BadInputError]) -> None:
        self._path, self._error = path, error
        self._made: dict[int, tuple[Value, int] | None] = {}
        self._depth = 0

    def value(self, node: yaml.Node) -> tuple[Value, int]:
        """The value, and how many values it holds."""
        if id(node) in self._made:
            made = self._made[id(node)]
            if made is None:
                raise self._place(node).refusal("this list or mapping holds itself; write it out")
            return made
        if self._depth == _DEEPEST:
            raise self._place(node).refusal(f"nested more than {_DEEPEST} levels deep; make it flatter")
        self._made[id(node)] = None
        self._depth += 1
        value, size = self._make(node)
        self._depth -= 1
        if size > _LARGEST:
            raise self._place(node).refusal(f"holds more than {_LARGEST} values; make it smaller")
        self._made[id(node)] = value, size
        return value, size

    def _make(self, node: yaml.Node) -> tuple[Value, int]:
        place = self._place(node)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            made = [self.value(child) for child in node.value]
            items = tuple(value for value, _ in made)
            return Value(place=place, kind="list", items=items), 1 + sum(size for _, size in made)
        kind = _KINDS.get(node.tag.removeprefix(_TAG)) if isinstance(node, yaml.ScalarNode) else None
        if kind is None:
            raise place.refusal(f"the tag {shorten(node.tag.replace(_TAG, '!!'))!r} is not known here; remove it")
        return Value(place=place, kind=kind, written=node.value), 1

    def _mapping(self, node: yaml.MappingNode, place: Place) -> tuple[Value, int]:
        entries: dict[str, Entry] = {}
        total = 1
        for key, child in node.value:
            where = self._place(key)
            if not isinstance(key, yaml.ScalarNode):
                raise where.refusal(f"a key must be a text, not a {key.id}")
            if key.value in entries:
                first = entries[key.value].place.line
                raise where.refusal(f"duplicate key {shorten(key.value)!r}; it is already on line {first}")
            value, size = self.value(child)
            entries[key.value] = Entry(place=where, value=value)
            total += size
        return Value(place=place, kind="mapping", entries=entries), total

    def _place(self, node: yaml.Node) -> Place:
        return Place(path=self._path, line=node.start_mark.line + 1, error=self._error)
