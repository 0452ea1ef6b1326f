"""Placeholders in a topology's texts: `${port}`, `${data}`, `${host}`, `${secret:NAME}`, `${NAME}`, `${NAME:-default}`.

The caller's environment is put in when the file is read (`fill_environment`); the rest is known only once the system is
being started, and is put in then (`expand`). `$${` stands for a plain `${`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

SERVICE_WORDS = frozenset({"port", "data"})
"""What `env` and `command` of a service may use, besides secrets and the environment."""
ADDRESS_WORDS = frozenset({"host", "port"})
"""What the `url` of an edge may use, besides secrets and the environment."""

_OPENING = re.compile(r"(?P<escaped>\$\$\{)|\$\{(?P<inside>[^}]*)\}|(?P<broken>\$\{)")
_SECRET = re.compile(r"secret:[A-Za-z_][A-Za-z0-9_-]*")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with each `${key}` replaced by `values[key]`, and `$${` by `${`.

    A secret's key is written in full: `{"port": "5001", "secret:jwt": "s3cr3t"}`. What is put in is not looked at
    again. Raises ValueError for a key that has no value.
    """

    def put_in(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "${"
        if match["broken"] or match["inside"] not in values:
            raise ValueError(f"nothing to put in for {match[0]!r}; known: {', '.join(sorted(values)) or 'nothing'}")
        return values[match["inside"]]

    return _OPENING.sub(put_in, text)


def secrets_in(text: str) -> tuple[str, ...]:
    """The names of the secrets that a text asks for, in order: `jwt` for `${secret:jwt}`."""
    inside = (match["inside"] or "" for match in _OPENING.finditer(text))
    return tuple(word.removeprefix("secret:") for word in inside if _SECRET.fullmatch(word))


def fill_environment(text: str, words: Collection[str], environ: Mapping[str, str]) -> str:
    """The text with each `${NAME}` replaced from the environment; `words` and secrets stay for `expand`.

    As in a shell, `:-default` also stands in for a variable that is set but empty. Raises ValueError for a variable
    that is not set and for a placeholder that means nothing.
    """

    def put_in(match: re.Match[str]) -> str:
        if match["broken"]:
            raise ValueError("'${' is not closed; write ${NAME}, or $${ for a plain ${")
        inside = match["inside"]
        if match["escaped"] or inside in words or _SECRET.fullmatch(inside):
            return match[0]
        # A value of the environment is final: what looks like a placeholder in it must not become one.
        return _from_environment(inside, words, environ).replace("${", "$${")

    return _OPENING.sub(put_in, text)


def _from_environment(inside: str, words: Collection[str], environ: Mapping[str, str]) -> str:
    variable = _VARIABLE.fullmatch(inside)
    if variable is None or inside in SERVICE_WORDS | ADDRESS_WORDS:
        known = ", ".join(f"${{{word}}}" for word in sorted(words))
        raise ValueError(f"'${{{inside}}}' means nothing here; known: {known}, ${{secret:NAME}}, ${{NAME}}")
    name, default = variable["name"], variable["default"]
    value = environ.get(name, "")
    if value or (default is None and name in environ):
        return value
    if default is None:
        raise ValueError(f"the variable {name} is not set; set it, or write ${{{name}:-default}}")
    return default
