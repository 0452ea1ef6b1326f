"""The pacts can go red: known breaks are put into a copy of a provider one by one, and the real process is verified.

The rows are in `pact_breaks.py`; the table of what caught what is printed at the end of the run.
"""

import shutil
from pathlib import Path

import pytest
from pact_breaks import BREAKS
from provider import PROVIDERS, verified
from storefront_states import Shop

PLATFORM = Path(__file__).parents[2] / "platform"
pytestmark = pytest.mark.kill_table


class Changed:
    """Starts changed copies of a service in its place, each with a database of its own."""

    def __init__(self, shop, folder):
        self.shop, self.folder, self.replaced = shop, folder, set()

    def verified(self, provider, file=None, change=None):
        """The report on the provider with one change in."""
        copy = self.folder / f"copy{len(list(self.folder.iterdir()))}"
        for package in ("resilience", "storefront"):
            shutil.copytree(PLATFORM / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        if file is not None:
            source = (copy / file).read_text(encoding="utf-8")
            assert source.count(change[0]) == 1, f"{file} has {change[0]!r} {source.count(change[0])} times: mend it"
            (copy / file).write_text(source.replace(*change), encoding="utf-8")
        if provider != "orders":  # its pact is about an event, which a process of its own makes
            self._replace(provider, copy)
        return verified(self.shop, provider, python_path=str(copy))

    def _replace(self, provider, copy):
        database = Path(self.shop.stack.directory) / provider / "data" / f"{provider}.db"
        for instance in self.shop.stack.topology.instances_of(provider):
            self.shop.stack.kill(instance)
        for left in database.parent.glob(f"{provider}.db*"):
            left.unlink()
        self.replaced.add(provider)
        # Services start in the folder of their sources, which Python would put before any other.
        self.shop.stack.replace(provider, {"PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1"})

    def restore(self):
        for provider in self.replaced:
            self.shop.stack.replace(provider, {})


@pytest.fixture
def changed(stack, chaos, tmp_path):
    if stack.backend != "process":
        pytest.skip("a changed copy of the packages is put in the place of a process")
    changed = Changed(Shop(stack, chaos), tmp_path)
    yield changed
    changed.restore()


@pytest.mark.parametrize("row", BREAKS, ids=lambda row: f"{row.provider}-{row.what.replace(' ', '-')}")
def test_break_is_caught(row, changed, record_property):
    """The named interaction is broken, for the named reason."""
    report = changed.verified(row.provider, row.file, row.change)
    caught = {one.interaction.description: str(one) for one in report.broken}
    record_property("kill", ("Pact", f"{row.provider}: {row.what}", ", ".join(caught) or "SURVIVED"))

    assert row.reason in caught.get(row.interaction, "")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_without_a_break_nothing_is_caught(provider, changed):
    """No false alarm: the same, with an unchanged copy."""
    changed.verified(provider).check()


def test_what_is_added_to_an_answer_breaks_nobody(changed):
    """The contracts are as loose as their consumers: a provider may grow."""
    change = ("quantity=quantity, unit_price_cents=price", "quantity=quantity, colour='red', unit_price_cents=price")

    changed.verified("inventory", "storefront/inventory/app.py", change).check()
