"""Load profiles: load of a known shape, promises that are asserted, and what the run says about the machine.

    load/slos.yaml ────────┐
    load/profiles/*.yaml ──┴─> Profile ─> ProfileRun ──> stages, faults, processor times ──> History ─> judge_profile

A profile is to load what a spec is to faults, and runs on the same parts: `model.py` and the readers make it, `run.py`
runs it, `judging.py` (with `budget.py`, `capacity.py`, `regression.py`) judges its history, and nothing else.
"""

from windtunnel.profiles.judging import judge_profile
from windtunnel.profiles.model import Objective, Profile, Promise, Stage
from windtunnel.profiles.reader import read_profile
from windtunnel.profiles.slos import read_slos

__all__ = ["Objective", "Profile", "Promise", "Stage", "judge_profile", "read_profile", "read_slos"]
