"""The `windtunnel` command: everything that can be done without writing a test.

Exit codes: 0 all is well; 1 a promise broke; 2 the input is wrong; 3 what happened is unknown. `run` has pytest's own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from windtunnel import serve
from windtunnel.compare_command import register as register_compare
from windtunnel.contracts.commands import register as register_contract
from windtunnel.contracts.pact_commands import register as register_pacts
from windtunnel.errors import BadInputError, WindtunnelError
from windtunnel.fuzz_command import register as register_fuzz
from windtunnel.images_command import register as register_images
from windtunnel.load_command import register as register_load
from windtunnel.report.commands import register as register_report
from windtunnel.up_command import register as register_up
from windtunnel.validate_command import register as register_validate

OK, BROKEN, WRONG_INPUT, UNKNOWN = 0, 1, 2, 3
EXIT_CODES = {"PASS": OK, "XFAIL": OK, "SKIP": OK, "FAIL": BROKEN, "ERROR": UNKNOWN}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; a mistake in its input is one line on stderr."""
    parser = _parser()
    options, rest = parser.parse_known_args(argv)
    command: Callable[[argparse.Namespace], int] = options.command
    if command is _run:
        options.arguments = rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return command(options)
    except BadInputError as mistake:
        print(f"windtunnel: {mistake}", file=sys.stderr)
        return WRONG_INPUT
    except WindtunnelError as trouble:
        print(f"windtunnel: {type(trouble).__name__}: {trouble}", file=sys.stderr)
        return UNKNOWN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="windtunnel", description="Resilience verification for microservices.", epilog=__doc__.split("\n\n")[1]
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_experiments(commands)
    proxy = commands.add_parser("proxy", help="serve Toxiproxy's API on this machine, until interrupted")
    serve.add_arguments(proxy)
    proxy.set_defaults(command=serve.run)
    register_up(commands)
    _add_machine(commands)
    register_load(commands)
    register_fuzz(commands)
    register_compare(commands)
    register_report(commands)
    register_contract(commands)
    register_pacts(commands)
    return parser


def _add_experiments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What is done with experiments and their histories."""
    run = commands.add_parser(
        "run",
        help="run experiments (all, or the files named): pytest -m chaos with your options passed on",
        usage="windtunnel run [FILE ...] [PYTEST OPTION ...]",
        description="Run experiments. Options that pytest knows (-n 2, -k NAME, --wt-profile=nightly) are passed on; "
        "the exit code is pytest's.",
    )
    run.set_defaults(command=_run)

    register_validate(commands)
    judge = commands.add_parser(
        "judge", help="judge stored histories again", description="Judge stored histories again, from the file alone."
    )
    judge.add_argument("histories", nargs="+", type=Path, metavar="HISTORY")
    judge.add_argument("--timeline", type=Path, metavar="PNG", help="also draw the (last) history's timeline there")
    judge.set_defaults(command=_judge)


def _add_machine(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What concerns the machine that experiments run on."""
    register_images(commands)
    doctor = commands.add_parser(
        "doctor",
        help="say what this machine has, and what each missing thing costs",
        description="Say what this machine has, and what each missing thing costs. Exit code 3 when nothing can run.",
    )
    doctor.add_argument("--topology", type=Path, metavar="FILE", help="also look for the images of that system")
    doctor.set_defaults(command=_doctor)

    heal = commands.add_parser(
        "heal", help="undo what runs that died have left on this machine", description="Runs that live are not touched."
    )
    heal.set_defaults(command=_heal)


def _run(options: argparse.Namespace) -> int:
    import pytest

    return int(pytest.main(["-m", "chaos", *options.arguments]))


def _judge(options: argparse.Namespace) -> int:
    from windtunnel.checks import judge
    from windtunnel.history import read_history
    from windtunnel.profiles import judge_profile
    from windtunnel.profiles.plain import is_profile
    from windtunnel.report.allure import verdict_lines
    from windtunnel.report.timeline import render_timeline

    worst = OK
    for path in options.histories:
        history = read_history(path)
        of_load = is_profile(history.header.spec)
        verdict = judge_profile(history).verdict if of_load else judge(history)
        print("\n  ".join([f"{path}: {history.header.title}", *verdict_lines(verdict)]))
        worst = max(worst, EXIT_CODES[verdict.outcome])
        if options.timeline:
            options.timeline.write_bytes(render_timeline(history, verdict))
    return worst


def _doctor(options: argparse.Namespace) -> int:
    from windtunnel.doctor import examine
    from windtunnel.topology import read_topology

    findings = examine(read_topology(options.topology) if options.topology else None)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        print(
            f"{'ok  ' if finding.ok else 'MISS' if finding.needed else '-   '} {finding.name:{width}}  {finding.told}"
        )
    return UNKNOWN if any(finding.needed and not finding.ok for finding in findings) else OK


def _heal(options: argparse.Namespace) -> int:
    from windtunnel.undo import heal

    done = heal()
    print("\n".join(done) if done else "nothing to heal: no run that died has left anything here")
    return UNKNOWN if any(line.startswith("failed:") for line in done) else OK
