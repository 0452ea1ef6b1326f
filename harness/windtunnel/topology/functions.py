"""The names of the functions in somebody's Python file, without running it."""

from __future__ import annotations

import ast
from pathlib import Path

from windtunnel.errors import BadInputError


def function_names(path: Path, error: type[BadInputError]) -> tuple[str, ...]:
    """The public functions at the top level: the scenarios or invariants that the file offers.

    Raises `error` when the file cannot be read or is not Python.
    """
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except OSError as trouble:
        raise error(f"cannot be read: {trouble.strerror or trouble}", path=path) from None
    except (SyntaxError, ValueError) as trouble:
        raise error(f"not valid Python: {trouble}", path=path, line=getattr(trouble, "lineno", None)) from None
    names = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return tuple(dict.fromkeys(name for name in names if not name.startswith("_")))
