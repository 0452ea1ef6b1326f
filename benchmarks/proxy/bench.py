"""Who is measured in turns: every target in every round, in another order each round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.proxy.result import Values
from benchmarks.proxy.targets import DIRECT, Direct, Server, Target, Toxic, proxies
from benchmarks.proxy.wire import Peer

Addresses = dict[str, str]
"""By target: where to connect."""


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    seconds: float
    """Of one sample of the closed loops."""
    few: int
    """Rounds of what takes long."""
    full: bool
    """All sizes, or a choice."""


@dataclass(frozen=True)
class Bench:
    """Everything that runs."""

    effort: Effort
    upstream: Peer
    generator: Peer
    targets: Sequence[Target]

    @property
    def servers(self) -> list[Server]:
        return [target for target in self.targets if isinstance(target, Server)]

    def small(self, toxics: Sequence[Toxic] = (), *, http: bool = False, **attributes: int) -> Addresses:
        """Ways to the port that answers small requests: through every target, or with toxics through every proxy."""
        targets = self.servers if toxics or http else self.targets
        small = self.upstream.hello["small"]
        return {target.name: target.lead(small, toxics, http=http, **attributes) for target in targets}

    def bulk(self, toxics: Sequence[Toxic] = (), **attributes: int) -> Addresses:
        """Ways to the port that sends as much as is asked for."""
        targets = self.servers if toxics else self.targets
        bulk = self.upstream.hello["bulk"]
        return {target.name: target.lead(bulk, toxics, http=False, **attributes) for target in targets}

    def ask(self, measure: str, **question: object) -> Any:
        """What the generator measured."""
        return self.generator.ask({"measure": measure, **question})

    def sampled(self, addresses: Addresses, measure: str, rounds: int, **question: object) -> dict[str, list[Any]]:
        """By target: one sample a round, with the `cpu` that the proxy used for it where the sample has room."""
        targets = {target.name: target for target in self.targets}

        def once(name: str) -> Any:
            before = targets[name].cpu()
            sample = self.ask(measure, address=addresses[name], **question)
            return sample | {"cpu": targets[name].cpu() - before} if isinstance(sample, dict) else sample

        return in_turns(list(addresses), rounds, once)


def in_turns(names: Sequence[str], rounds: int, sample: Callable[[str], Any]) -> dict[str, list[Any]]:
    """By name: one sample a round, so that a slow moment of the machine hits all of them alike."""
    seen: dict[str, list[Any]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in [*names[shift:], *names[:shift]]:
            seen[name].append(sample(name))
    return seen


def field(samples: dict[str, list[Any]], key: str) -> Values:
    """One figure of each sample."""
    return {name: [float(sample[key]) for sample in values] for name, values in samples.items()}


def cpu_each(samples: dict[str, list[Any]]) -> Values:
    """Microseconds of the proxy's CPU for each thing done."""
    return {
        name: [sample["cpu"] / sample["count"] * 1e6 for sample in values]
        for name, values in samples.items()
        if name != DIRECT
    }


@contextmanager
def standing(effort: Effort) -> Iterator[Bench]:
    """Peers and targets, started and ended."""
    with ExitStack() as stack:
        upstream, generator = Peer("upstream"), Peer("generator")
        stack.callback(upstream.close)
        stack.callback(generator.close)
        targets: list[Target] = [Direct()]
        for kind in proxies():
            server = kind()  # type: ignore[call-arg]
            stack.callback(server.close)
            targets.append(server)
        yield Bench(effort, upstream, generator, targets)
