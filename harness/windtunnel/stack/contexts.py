"""What images are built from: a folder of the user's, or the recorder's own files; with a hash of its content."""

from __future__ import annotations

import ast
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from types import MappingProxyType

import windtunnel

RECORDER = "windtunnel.stack.recorder"
RECORDER_DOCKERFILE = f"""
ARG PYTHON_IMAGE
FROM ${{PYTHON_IMAGE}}
COPY site /opt/windtunnel
RUN python3 -m compileall -q /opt/windtunnel
ENV PYTHONPATH=/opt/windtunnel PYTHONUNBUFFERED=1
USER 65534:65534
ENTRYPOINT ["python3", "-m", "{RECORDER}"]
"""
KEPT = (".py", ".pem")
"""Of another package: its code, and the certificates that httpx wants to be there."""
SOURCE_ROOT = Path(windtunnel.__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Context:
    """The files that the engine gets, by their path in it, and the arguments of the build."""

    files: Mapping[str, Path | bytes]
    dockerfile: str
    args: Mapping[str, str]

    @cached_property
    def hash(self) -> str:
        """Twelve digits that change with any of it."""
        digest = hashlib.sha256(repr((self.dockerfile, sorted(self.args.items()))).encode())
        for name in sorted(self.files):
            content, mode = _read(self.files[name])
            digest.update(f"\0{name}\0{mode:o}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:12]

    def tar(self) -> bytes:
        """All of it, as an uncompressed archive."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name in sorted(self.files):
                content, mode = _read(self.files[name])
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), mode
                archive.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()


def folder_context(folder: Path, dockerfile: str, args: Mapping[str, str]) -> Context:
    """A folder without what its .dockerignore names."""
    return _folder_context(folder, dockerfile, tuple(sorted(args.items())))


@cache
def _folder_context(folder: Path, dockerfile: str, args: tuple[tuple[str, str], ...]) -> Context:
    from docker.utils.build import exclude_paths

    ignore = folder / ".dockerignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    names = exclude_paths(str(folder), patterns, dockerfile=dockerfile)
    files = {name: folder / name for name in names if (folder / name).is_file()}
    return Context(files=files, dockerfile=dockerfile, args=MappingProxyType(dict(args)))


@cache
def recorder_context(python_image: str) -> Context:
    """Our own proxy server, and the packages that it imports: pure Python, as they are installed here."""
    files: dict[str, Path | bytes] = {"Dockerfile": RECORDER_DOCKERFILE.lstrip().encode()}
    ours, theirs = _imports_of(RECORDER)
    files |= {f"site/{path.relative_to(SOURCE_ROOT)}": path for path in ours}
    for name in sorted(_distributions(theirs)):
        kept = [file for file in distribution(name).files or () if file.suffix in KEPT and ".." not in file.parts]
        files |= {f"site/{file}": Path(str(file.locate())) for file in kept}
    return Context(files=files, dockerfile="Dockerfile", args={"PYTHON_IMAGE": python_image})


def _imports_of(module: str) -> tuple[set[Path], set[str]]:
    """The files of ours that importing a module reads, and the other packages that they import at their top."""
    ours, theirs, todo = set[Path](), set[str](), [module]
    while todo:
        name = todo.pop()
        path = _file_of(name)
        if path is None:
            theirs.add(name.split(".")[0])
            continue
        if path in ours:
            continue
        ours.add(path)
        parents = name.split(".")[:-1]
        todo += [".".join(parents[: depth + 1]) for depth in range(len(parents))]
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.Import):
                todo += [alias.name for alias in statement.names]
            elif isinstance(statement, ast.ImportFrom) and statement.module:
                todo.append(statement.module)
                todo += [n for a in statement.names if _file_of(n := f"{statement.module}.{a.name}") is not None]
    return ours, theirs


def _file_of(module: str) -> Path | None:
    """The file of a module of ours."""
    if module.split(".", maxsplit=1)[0] != windtunnel.__name__:
        return None
    path = SOURCE_ROOT.joinpath(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _distributions(packages: set[str]) -> set[str]:
    """Those that provide the packages, and all that they need."""
    from packaging.requirements import Requirement

    by_package = packages_distributions()
    found, todo = set[str](), [name for package in packages for name in by_package.get(package, [])]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
        wanted = [Requirement(need) for need in needs]
        todo += [need.name for need in wanted if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def _read(source: Path | bytes) -> tuple[bytes, int]:
    if isinstance(source, bytes):
        return source, 0o644
    return source.read_bytes(), 0o755 if source.stat().st_mode & 0o100 else 0o644
