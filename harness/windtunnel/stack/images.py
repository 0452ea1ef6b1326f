"""The images that a system of containers needs: which they are, which are missing, and how they are made or fetched.

A built image's tag is the hash of all that goes into it, so a stale one is simply another one. Names are parameters:

    WINDTUNNEL_PYTHON_IMAGE       what our own images are built on
    WINDTUNNEL_TOXIPROXY_IMAGE    Shopify's Toxiproxy
    whatever a topology writes as ${NAME:-default}
"""

from __future__ import annotations

import fcntl
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windtunnel.errors import BackendError
from windtunnel.stack.contexts import Context, folder_context, recorder_context
from windtunnel.topology.model import Build, Topology
from windtunnel.undo.engine import Engine

PYTHON = ("WINDTUNNEL_PYTHON_IMAGE", "python:3.12-slim-bookworm")
TOXIPROXY = ("WINDTUNNEL_TOXIPROXY_IMAGE", "ghcr.io/shopify/toxiproxy:2.12.0")
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One image."""

    name: str
    context: Context | None = None
    """What it is built from; None: it is fetched from a registry."""
    variable: str = ""
    """Which variable of the environment gives it another name."""


def python_image(environ: Mapping[str, str] = os.environ) -> str:
    """What our own images are built on."""
    return environ.get(PYTHON[0]) or PYTHON[1]


def toxiproxy_image(environ: Mapping[str, str] = os.environ) -> str:
    """The Toxiproxy that stands on the edges."""
    return environ.get(TOXIPROXY[0]) or TOXIPROXY[1]


def recorder_image(environ: Mapping[str, str] = os.environ) -> str:
    """Our own proxy server as an image."""
    return _built("windtunnel-recorder", recorder_context(python_image(environ)))


def service_image(topology: Topology, service: str) -> str:
    """The image of a service that runs as a container."""
    container = topology.services[service].container
    if container is None or container.build is None:
        return container.image if container else ""
    return _built(f"windtunnel-{_word(topology.name)}", _context(container.build))


def workers_image(dockerfile: Path, folder: Path, environ: Mapping[str, str] = os.environ) -> Wanted:
    """What workers of distributed load run in: a Dockerfile in a folder, or below it, that takes PYTHON_IMAGE.

    Raises `BackendError` when there is none.
    """
    path = (folder / dockerfile).resolve()
    if not path.is_file() or not path.is_relative_to(folder.resolve()):
        raise BackendError("there is no such file in this folder; the repository has load/Dockerfile", path=dockerfile)
    within = path.relative_to(folder.resolve()).as_posix()
    context = folder_context(folder.resolve(), within, {"PYTHON_IMAGE": python_image(environ)})
    return Wanted(name=_built("windtunnel-load", context), context=context, variable=PYTHON[0])


def wanted_images(
    topology: Topology, environ: Mapping[str, str] = os.environ, *, toxiproxy: bool = True
) -> list[Wanted]:
    """All that a system needs, each once, in the order in which to get them."""
    recorder = recorder_context(python_image(environ))
    found = {recorder_image(environ): Wanted(name=recorder_image(environ), context=recorder, variable=PYTHON[0])}
    if toxiproxy:
        found[toxiproxy_image(environ)] = Wanted(name=toxiproxy_image(environ), variable=TOXIPROXY[0])
    for name, service in topology.services.items():
        if service.container is not None:
            image, build = service_image(topology, name), service.container.build
            found.setdefault(image, Wanted(name=image, context=_context(build) if build else None))
    return list(found.values())


def missing_images(topology: Topology, engine: Engine, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The names of those that the engine does not have. Raises `EngineError`."""
    return [wanted.name for wanted in wanted_images(topology, environ) if not engine.has_image(wanted.name)]


def ensure_images(wanted: list[Wanted], engine: Engine, client: Any, progress: Progress = lambda line: None) -> None:
    """Build or fetch what is missing; once on this machine, however many runs ask for it at a time.

    `client` is a `docker.DockerClient`. Raises `BackendError` that says what to set.
    """
    if all(engine.has_image(image.name) for image in wanted):
        return
    with _alone():
        for image in wanted:
            if engine.has_image(image.name):
                progress(f"{image.name}: is there")
            elif image.context is not None:
                progress(f"{image.name}: building")
                _build(image, image.context, client, progress)
            else:
                progress(f"{image.name}: fetching")
                _fetch(image, client)


def _build(image: Wanted, context: Context, client: Any, progress: Progress) -> None:
    said: list[str] = []
    steps = client.api.build(
        fileobj=io.BytesIO(context.tar()),
        custom_context=True,
        dockerfile=context.dockerfile,
        tag=image.name,
        buildargs=dict(context.args),
        rm=True,
        forcerm=True,
        decode=True,
    )
    for step in steps:
        said += [line for line in str(step.get("stream", "")).splitlines() if line.strip()]
        if step.get("stream", "").startswith("Step "):
            progress(f"  {step['stream'].strip()}")
        if "error" in step:
            evidence = "".join(f"\n  | {line}" for line in said[-15:])
            raise BackendError(f"{image.name} cannot be built: {step['error'].strip()}; {_remedy(image)}{evidence}")


def _fetch(image: Wanted, client: Any) -> None:
    from docker.errors import APIError, ImageNotFound

    try:
        client.images.pull(image.name)
    except (APIError, ImageNotFound) as error:
        raise BackendError(f"{image.name} cannot be fetched: {error.explanation or error}; {_remedy(image)}") from error


def _remedy(image: Wanted) -> str:
    if image.variable:
        return f"where no registry can be reached, load an image and name it in {image.variable}"
    args = ", ".join(f"{name}={value}" for name, value in image.context.args.items()) if image.context else ""
    if args:
        return f"its build arguments come from the topology ({args}): an image named there must be on this machine"
    return "load it, or name another one in the topology"


@contextmanager
def _alone() -> Iterator[None]:
    path = Path(tempfile.gettempdir()) / f"windtunnel-images-{os.getuid()}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _context(build: Build) -> Context:
    return folder_context(build.context, build.dockerfile, build.args)


def _built(repository: str, context: Context) -> str:
    return f"{repository}:{context.hash}"


def _word(text: str) -> str:
    """As part of an image's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower()).strip("-") or "system"
