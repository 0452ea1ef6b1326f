"""What the command takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

WHAT = "How long a system takes to stand and to be gone: our backends beside docker compose, in interleaved rounds."
CASES = ("process", "docker", "compose")
T = TypeVar("T")


def arguments() -> argparse.Namespace:
    """Raises `SystemExit` with one clear line for a mistake."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stack", description=WHAT)
    parser.add_argument("--rounds", type=_positive, default=5)
    parser.add_argument("--sizes", type=_list(_positive), default=[5, 10, 20, 40], help="services of the echo systems")
    parser.add_argument("--only", choices=["storefront", "echo"])
    parser.add_argument("--cases", type=_list(_case), default=list(CASES), help="by commas")
    parser.add_argument("--grace", type=int, metavar="S", help="what compose's down gives a container to end (10)")
    parser.add_argument("--out", type=Path, help="instead of benchmarks/out/stack.json")
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _case(text: str) -> str:
    if text not in CASES:
        raise argparse.ArgumentTypeError(f"unknown case {text!r}; known: {', '.join(CASES)}")
    return text


def _list(of: Callable[[str], T]) -> Callable[[str], list[T]]:
    def read(text: str) -> list[T]:
        return [of(word) for word in text.split(",")]

    return read
