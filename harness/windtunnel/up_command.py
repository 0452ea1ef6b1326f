"""The commands `windtunnel up`, `fault` and `lift`: a system that stands for a person, and what breaks it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from windtunnel.errors import BadInputError

OK, UNKNOWN, INTERRUPTED = 0, 3, 130
RAW = argparse.RawDescriptionHelpFormatter

UP = """\
Stand the system up with a proxy on every edge, and keep it standing until Ctrl-C or SIGTERM. It prints where each
service is reached, and then each second what passes on each edge: requests, share failed, p95, the faults in place.

  windtunnel up
  windtunnel up --load "place_order=1,read_order=3" --rate 20/s
"""
UP_END = """\
Break it from a second terminal with `windtunnel fault`, mend it with `windtunnel lift`. At the end every fault is
lifted and everything is taken down; if this process is killed, a reaper does it."""
FAULT = """\
Put a fault on the system that `windtunnel up` keeps standing, and wait for the proof that it bites.

  windtunnel fault 'orders->payments' latency=800ms for 30s      lifted by itself after 30 s
  windtunnel fault 'orders->payments' down                       until it is lifted
  windtunnel fault payments kill                                 or pause, restart, terminate
  windtunnel fault payments starve cpu=10%
  windtunnel fault 'orders->payments' http_status status=503 match.path=/charges for 1m
  windtunnel fault 'orders->payments' 'orders->users' partition  several edges at once
  windtunnel fault                                               what is in place
  windtunnel fault --list                                        every fault, with its attributes

Quote an edge: without quotes the shell takes '>' for itself and writes to a file.
"""
FAULT_END = """\
WHAT is an edge or a service, then a fault, then NAME=VALUE for its attributes with their units. `latency=800ms` in the
fault's place gives its first attribute too. Exit code 0: proven; 2: the input is wrong; 3: not proven, and taken back.
The faults and their proofs: harness/FAULTS.md and harness/HTTP_FAULTS.md."""
LIFT = """\
Take back what `windtunnel fault` has put in place, and wait for the proof that it is gone.

  windtunnel lift 2
  windtunnel lift --all
"""
LIFT_END = "Exit code 0: proven to be gone; 2: no such fault; 3: not proven."


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to the command line."""
    up = commands.add_parser(
        "up",
        help="keep a system standing for a person, and watch it",
        description=UP,
        epilog=UP_END,
        formatter_class=RAW,
    )
    up.add_argument("--topology", type=Path, default=Path("platform/topology.yaml"), metavar="FILE")
    up.add_argument("--load", default="", metavar="MIX", help="scenarios and weights: place_order=1,read_order=3")
    up.add_argument("--rate", metavar="RATE", help="arrivals of that load (10/s)")
    up.add_argument("--wt-backend", choices=("auto", "process", "docker", "external"), default="auto")
    up.add_argument("--wt-proxy", choices=("auto", "embedded", "toxiproxy"), default="auto")
    up.add_argument("--wt-seed", type=int, default=0, metavar="N")
    up.set_defaults(command=run_up)

    fault = commands.add_parser(
        "fault",
        help="break something of the system that `up` keeps standing",
        usage="windtunnel fault [--run ID] [--list] [WHAT FAULT [NAME=VALUE ...] [for DURATION]]",
        description=FAULT,
        epilog=FAULT_END,
        formatter_class=RAW,
    )
    fault.add_argument("words", nargs="*", metavar="WORD", help=argparse.SUPPRESS)
    fault.add_argument("--list", action="store_true", help="show every fault with its attributes")
    fault.set_defaults(command=run_fault)

    lift = commands.add_parser(
        "lift", help="take back what `fault` has put in place", description=LIFT, epilog=LIFT_END, formatter_class=RAW
    )
    lift.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="as `windtunnel fault` shows them")
    lift.add_argument("--all", action="store_true", help="everything that is in place")
    lift.set_defaults(command=run_lift)
    for parser in (fault, lift):
        parser.add_argument(
            "--run", default="", metavar="ID", help="which `up`, where several stand; its beginning will do"
        )


def run_up(options: argparse.Namespace) -> int:
    """Stand until a signal comes. Raises `BadInputError`, and `StackError` where the system cannot be stood up."""
    from windtunnel.stack.backends import choose
    from windtunnel.standby.banner import banner
    from windtunnel.standby.ending import Ending
    from windtunnel.standby.load import DEFAULT_RATE
    from windtunnel.standby.screen import screen_for
    from windtunnel.standby.session import Session, Wanted
    from windtunnel.topology import read_topology

    if options.rate and not options.load:
        raise BadInputError('--rate is that of a load; add for instance --load "place_order=1,read_order=3"')
    topology = read_topology(options.topology)
    wanted = Wanted(
        topology=topology,
        choice=choose(options.wt_backend, options.wt_proxy, topology),
        seed=options.wt_seed,
        mix=options.load,
        rate=options.rate or DEFAULT_RATE,
    )
    screen = screen_for(topology)
    session = Session(wanted, screen)
    print(f"windtunnel: standing {topology.name} up", flush=True)
    with Ending() as ending:
        try:
            with session:
                ending.stand()
                print("\n".join(banner(wanted.choice, session.stack)), flush=True)
                with screen:
                    session.show(ending.wait)
                print("windtunnel: taking it down", flush=True)
        except KeyboardInterrupt:
            print("windtunnel: interrupted before it stood", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:  # who read the output has gone, and all is taken down; nothing is left to be flushed
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK if session.clean else UNKNOWN


def run_fault(options: argparse.Namespace) -> int:
    """Put one, or list. Raises `BadInputError` for what was typed wrongly, and when there is no `up`."""
    from windtunnel.standby.find import output_file
    from windtunnel.standby.words import lost_arrow

    if options.list:
        print("\n".join(_all_faults()))
        return OK
    if trap := lost_arrow(options.words, output_file()):
        raise BadInputError(trap)
    question: dict[str, object] = {"ask": "fault", "words": options.words} if options.words else {"ask": "list"}
    return _converse(options.run, question)


def run_lift(options: argparse.Namespace) -> int:
    """Take back. Raises as `run_fault`."""
    if bool(options.numbers) == options.all:
        raise BadInputError(
            "say which: windtunnel lift NUMBER, or windtunnel lift --all; `windtunnel fault` lists them"
        )
    return _converse(options.run, {"ask": "lift", "numbers": options.numbers})


def _converse(run: str, question: dict[str, object]) -> int:
    from windtunnel.standby.find import converse, find_standing

    standing = find_standing(run)
    try:
        return converse(standing, question)
    except KeyboardInterrupt:
        print("windtunnel: not waited for; `windtunnel fault` shows what is in place", file=sys.stderr)
        return INTERRUPTED


def _all_faults() -> list[str]:
    """One line for each; what is in brackets may be left out."""
    from windtunnel.faults import SHAPES
    from windtunnel.standby.words import example

    def attributes(name: str) -> str:
        shape = SHAPES[name]
        written = {each: example(each, shape) for each in shape.params}
        own = [text if each in shape.required else f"[{text}]" for each, text in written.items()]
        toxic = [f"[stream={'|'.join(shape.streams)}]", "[toxicity=0.5]"] if shape.on == "edge" and shape.toxic else []
        return " ".join([*own, *toxic, *(["[match.path=/charges ...]"] if shape.match else [])])

    wide = max(map(len, SHAPES))
    lines = []
    for place, title in (("edge", "on an edge ('a->b'):"), ("service", "on a service:")):
        names = [name for name, shape in SHAPES.items() if shape.on == place]
        lines += [title, *(f"  {name:{wide}}  {attributes(name)}".rstrip() for name in names)]
    return [*lines, "match.: method, path, headers.NAME, scope, first, nth, after, every", "each that lasts: [for 30s]"]
