"""Loads pact-python: the only place that does, so that it never reports usage to anybody.

The native library sends an event for each mock server and each verification unless PACT_DO_NOT_TRACK is set when it
looks. A setting of the user's own shell would be forgotten; here it cannot be.
"""

from __future__ import annotations

import os
from types import ModuleType

from windtunnel.errors import PactError

DO_NOT_TRACK = "PACT_DO_NOT_TRACK"
# Here too: a test may import matchers of pact itself, after anything of ours.
os.environ[DO_NOT_TRACK] = "true"


def load_pact() -> ModuleType:
    """The module `pact`, with tracking off. Raises `PactError` where it is not installed."""
    os.environ[DO_NOT_TRACK] = "true"
    try:
        import pact
    except ImportError as missing:
        raise PactError(f"pact-python is needed ({missing}); pip install 'windtunnel[contracts]'") from None
    return pact
