"""What every test of this repository shares. The suite's own fixtures come from the plugin `windtunnel.plugin`."""

from hypothesis import settings

pytest_plugins = ["pytester"]

# How long an example takes says nothing here: machines are shared.
settings.register_profile("windtunnel", deadline=None)
# pytest --hypothesis-profile=nightly: what the tests of robustness are meant to hold, in minutes instead of seconds.
settings.register_profile("nightly", deadline=None, max_examples=10_000)
settings.load_profile("windtunnel")


def pytest_terminal_summary(terminalreporter) -> None:
    """The kill table: which defect was caught by which test."""
    reports = [r for rs in terminalreporter.stats.values() for r in rs if getattr(r, "when", None) == "call"]
    rows = [value for r in reports for name, value in r.user_properties if name == "kill"]
    if rows:
        terminalreporter.section(f"{len(rows)} defects that were put in, and what caught them")
        for defect, what, killer in rows:
            terminalreporter.write_line(f"{defect:4} {what:64} {killer}")
