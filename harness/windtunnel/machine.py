"""Which machine this is, as far as figures of speed depend on it."""

from __future__ import annotations

import platform
from pathlib import Path

import psutil


def machine() -> dict[str, str]:
    """Operating system, processor, cores and memory: two runs are compared only where all of these are the same."""
    memory = psutil.virtual_memory().total / 2**30
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{memory:.0f} GiB",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
