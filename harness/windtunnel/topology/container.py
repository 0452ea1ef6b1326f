"""Reads the key `docker` of a service."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from windtunnel.document import Value
from windtunnel.topology.model import Build, Container
from windtunnel.units import parse_size

_KEYS = ("image", "build", "command", "port", "data", "disk", "env")
MINIMUM_DISK = 64_000
Word = Callable[[Value], str]
"""Reads a word of a command or a variable, with the caller's environment put in."""


def read_container(
    value: Value, folder: Path, word: Word, variables: Callable[[Value], Mapping[str, str]]
) -> Container:
    """One service as a container; `folder` is what relative paths start from."""
    fields = value.fields(optional=_KEYS)
    image, build = fields.get("image"), fields.get("build")
    if (image is None) == (build is None):
        raise value.refusal("a container has either an image or a build; write docker: {image: NAME} or build: {...}")
    return Container(
        image=word(image) if image is not None else "",
        build=_build(build, folder, word) if build is not None else None,
        command=fields.read("command", lambda v: tuple(word(item) for item in v.sequence(minimum=1)), ()),
        port=fields.read("port", _port, 8000),
        data=fields.read("data", _folder, "/data"),
        disk=fields.read("disk", _disk, 0),
        env=fields.read("env", variables, None),
    )


def _build(value: Value, folder: Path, word: Word) -> Build:
    fields = value.fields(optional=("context", "dockerfile", "args"))
    context = Path(os.path.normpath(folder / fields.read("context", Value.text, ".")))
    build = Build(
        context=context,
        dockerfile=fields.read("dockerfile", Value.text, "Dockerfile"),
        args=fields.read("args", lambda v: {name: word(entry.value) for name, entry in v.mapping().items()}, {}),
    )
    if not (context / build.dockerfile).is_file():
        raise value.refusal(f"there is no file {context / build.dockerfile}; paths start from the folder of this file")
    return build


def _port(value: Value) -> int:
    number = value.integer(minimum=1)
    if number > 65535:
        raise value.refusal(f"expected a port from 1 to 65535, found {number}")
    return number


def _disk(value: Value) -> int:
    size = value.parse(parse_size)
    if size < MINIMUM_DISK:
        raise value.refusal(
            f"a disk of {size} bytes holds nothing; write {MINIMUM_DISK // 1000} KB or more, such as 64MB"
        )
    return size


def _folder(value: Value) -> str:
    path = value.text()
    if not path.startswith("/"):
        raise value.refusal(f"{path!r} is not a folder within a container; write an absolute path such as /data")
    return path
