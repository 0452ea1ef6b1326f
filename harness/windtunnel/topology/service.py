"""Reads one entry of `services`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from windtunnel.document import Entry, Value
from windtunnel.topology.container import read_container
from windtunnel.topology.external import read_url
from windtunnel.topology.model import CLIENT, Service
from windtunnel.topology.placeholders import SERVICE_WORDS, fill_environment

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYS = ("process", "docker", "external", "port", "env", "replicas", "ready", "openapi", "metrics", "quiet", "after")


def read_service(name: str, entry: Entry, folder: Path, environ: Mapping[str, str]) -> Service:
    """One service; `folder` is what relative paths start from."""
    _check_name(name, entry)
    fields = entry.value.fields(optional=_KEYS)
    if all(fields.get(key) is None for key in ("process", "docker", "external")):
        raise entry.place.refusal(
            f"nothing starts {name!r}; add process: {{command: [...]}} or docker: {{...}}; where it runs already: "
            f"external: {{url: ...}}"
        )
    port_env, port = _port(fields.get("port"))
    replicas = fields.read("replicas", lambda value: value.integer(minimum=1), 1)
    if port is not None and replicas > 1:
        raise fields["replicas"].refusal(f"{replicas} instances cannot share port {port}; remove the port's number")
    return Service(
        name=name,
        line=entry.place.line,
        command=fields.read("process", lambda value: _command(value, name, environ), ()),
        container=fields.read(
            "docker",
            lambda value: read_container(
                value,
                folder,
                lambda item: _word(item, name, environ),
                lambda item: _environment(item, name, environ),
            ),
            None,
        ),
        place=fields.read("external", lambda value: read_url(value, environ), ""),
        port_env=port_env,
        port=port,
        env=fields.read("env", lambda value: _environment(value, name, environ), {}),
        replicas=replicas,
        ready=fields.read("ready", lambda value: "tcp" if value.text() == "tcp" else url_path(value), "/health/ready"),
        quiet=fields.read("quiet", _quiet, None),
        after=fields.read("after", Value.texts, ()),
        openapi=fields.read("openapi", lambda value: existing_file(value, folder), None),
        metrics=fields.read("metrics", _metrics, {}),
    )


def existing_file(value: Value, folder: Path) -> Path:
    """A file that is there, by its path from `folder`."""
    # normpath keeps messages readable: `load/scenarios.py`, not `platform/../load/scenarios.py`.
    path = Path(os.path.normpath(folder / value.text()))
    if not path.is_file():
        raise value.refusal(f"there is no file {path}; paths start from the folder of this file")
    return path


def url_path(value: Value) -> str:
    """A path on a service: `/health/ready`."""
    path = value.text()
    if not path.startswith("/") or any(character.isspace() for character in path):
        raise value.refusal(f"{path!r} is not a path; write /{path.strip().lstrip('/') or 'health/ready'}")
    return path


def variable_name(value: Value) -> str:
    """The name of an environment variable."""
    return checked_variable(value.text(), value)


def checked_variable(name: str, where: Value) -> str:
    """The same name, if it is one an environment variable can have."""
    if not _VARIABLE.fullmatch(name):
        raise where.refusal(f"{name!r} is not the name of a variable; use letters, digits and _")
    return name


def filled(value: Value, service: str, words: frozenset[str], environ: Mapping[str, str]) -> str:
    """A text with the caller's environment put in; an error names the service."""
    return value.parse(_naming(service, lambda text: fill_environment(text, words, environ)))


def _naming(service: str, parser: Callable[[str], str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        try:
            return parser(text)
        except ValueError as error:
            raise ValueError(f"service {service!r}: {error}") from None

    return parse


def _check_name(name: str, entry: Entry) -> None:
    if name == CLIENT:
        raise entry.place.refusal(f"{CLIENT!r} is the test's own side; call the service something else")
    if not _NAME.fullmatch(name):
        raise entry.place.refusal(f"{name!r} cannot be a service's name; use small letters, digits and -")


def _command(value: Value, service: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    command = value.fields(required=["command"])["command"]
    if not command.sequence():
        raise command.refusal(f"the command of {service!r} is empty; write [python, -m, package.{service}]")
    return tuple(_word(item, service, environ) for item in command.items)


def _word(value: Value, service: str, environ: Mapping[str, str]) -> str:
    if value.kind == "boolean":
        return value.scalar()
    return filled(value, service, SERVICE_WORDS, environ)


def _environment(value: Value, service: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    return {
        checked_variable(name, entry.value): _word(entry.value, service, environ)
        for name, entry in value.mapping().items()
    }


def _port(value: Value | None) -> tuple[str, int | None]:
    if value is None:
        return "PORT", None
    fields = value.fields(optional=["env", "number"])
    return fields.read("env", variable_name, "PORT"), fields.read("number", _port_number, None)


def _port_number(value: Value) -> int:
    number = value.integer(minimum=1)
    if number > 65535:
        raise value.refusal(f"expected a port from 1 to 65535, found {number}")
    return number


def _quiet(value: Value) -> str:
    return url_path(value.fields(required=["path"])["path"] if value.kind == "mapping" else value)


def _metrics(value: Value) -> Mapping[str, str]:
    return {name: entry.value.text() for name, entry in value.mapping().items()}
