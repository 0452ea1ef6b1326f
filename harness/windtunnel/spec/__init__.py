"""The experiment file: its model, its strict reader, and its plain form for histories."""

from windtunnel.spec.plain import spec_from_plain, spec_to_plain
from windtunnel.spec.reader import known_profiles, read_specs
from windtunnel.spec.shape import FaultShape, Unit

__all__ = [
    "FaultShape",
    "Unit",
    "known_profiles",
    "read_specs",
    "spec_from_plain",
    "spec_to_plain",
]
