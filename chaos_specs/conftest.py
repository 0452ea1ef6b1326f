"""Prints what each switched-off policy was caught by."""


def pytest_terminal_summary(terminalreporter) -> None:
    reports = [r for rs in terminalreporter.stats.values() for r in rs if getattr(r, "when", None) == "call"]
    rows = [value for r in reports for name, value in r.user_properties if name == "defect"]
    if not rows:
        return
    terminalreporter.section("switched-off policies and what caught them")
    for experiment, policy, killer in sorted(rows):
        terminalreporter.write_line(f"{policy:32} {experiment:28} {killer}")
