"""The storefront's customers, for Locust: `locust -f load/locustfile.py --host http://shop.example`.

Arrivals follow a plan (`--wt-load "50/s 30s, 50/s-200/s 1m"`) and wait for nobody; `load/ENGINE.md` says the rest.
"""

from pathlib import Path

from windtunnel.load.distributed.user import OpenModelUser, PlannedRate

__all__ = ["Customer", "PlannedRate"]
HERE = Path(__file__).resolve().parent


class Customer(OpenModelUser):
    """Orders, looks at orders, browses."""

    scenarios = HERE / "scenarios.py"
    topology = HERE.parent / "platform" / "topology.yaml"
    mix = "place_order=1,read_order=3,browse=2"
    load = "10/s"
    slos = HERE / "slos.yaml"
