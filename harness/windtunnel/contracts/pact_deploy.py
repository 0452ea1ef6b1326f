"""Answers whether a version of a service can go where other versions already are.

It can when every contract that it would be part of there is known to be kept: those of its own needs, by the providers
that are deployed there, and those of the consumers that are deployed there, by itself. What is not known is a no.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from windtunnel.contracts.pact_matrix import Contract, Matrix, Verification
from windtunnel.errors import PactError

Verdict = Literal["kept", "broken", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One contract that the service would be part of."""

    consumer: str
    consumer_version: str
    provider: str
    provider_version: str
    verdict: Verdict
    reason: str
    """When it was verified; or what is broken, or not known."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Yes or no, and why. Without a line, nobody needs it there and it needs nobody."""

    lines: tuple[Line, ...]
    unknown: str = ""
    """Why nothing can be said at all."""

    @property
    def yes(self) -> bool:
        return not self.unknown and all(line.verdict == "kept" for line in self.lines)


def can_i_deploy(
    matrix: Matrix, service: str, version: str, environment: str | None, together: Mapping[str, str] = {}
) -> Answer:
    """`environment` None compares with the newest version of everybody; `together` are versions that come along.

    Raises `PactError` for a service or an environment that the matrix has never heard of.
    """
    _check_names(matrix, [service, *together], environment)
    there = {**_present(matrix, environment), **together}
    if not _known(matrix, service, version):
        newest = _newest(matrix.contracts, service) or "none"
        return Answer(
            lines=(),
            unknown=f"nothing is known of {service} {version}: its pacts were not verified (newest known: {newest})",
        )
    return Answer(lines=(*_own_needs(matrix, service, version, there), *_others(matrix, service, version, there)))


def _own_needs(matrix: Matrix, service: str, version: str, there: Mapping[str, str]) -> Iterable[Line]:
    for contract in matrix.contracts:
        if (contract.consumer, contract.version) == (service, version):
            yield _line(matrix, contract, there.get(contract.provider))


def _others(matrix: Matrix, service: str, version: str, there: Mapping[str, str]) -> Iterable[Line]:
    for consumer in sorted({one.consumer for one in matrix.contracts if one.provider == service}):
        theirs = there.get(consumer)
        if theirs is None:  # nobody there who could be hurt
            continue
        found = [one for one in matrix.contracts if (one.consumer, one.version) == (consumer, theirs)]
        if not found:
            yield Line(
                consumer=consumer, consumer_version=theirs, provider=service, provider_version=version,
                verdict="unknown", reason=f"the contracts of {consumer} {theirs} are not known",
            )  # fmt: skip
        for contract in found:
            if contract.provider == service:
                yield _line(matrix, contract, version)


def _line(matrix: Matrix, contract: Contract, provider_version: str | None) -> Line:
    verdict, reason = _judge(matrix, contract, provider_version)
    return Line(
        consumer=contract.consumer,
        consumer_version=contract.version,
        provider=contract.provider,
        provider_version=provider_version or "-",
        verdict=verdict,
        reason=reason,
    )


def _judge(matrix: Matrix, contract: Contract, provider_version: str | None) -> tuple[Verdict, str]:
    if provider_version is None:
        return "unknown", f"{contract.provider} is not there"
    found = _verification(matrix, contract, provider_version)
    if found is None:
        return "unknown", "never verified"
    return ("kept", f"verified {found.at}") if found.kept else ("broken", found.broken)


def _verification(matrix: Matrix, contract: Contract, version: str) -> Verification | None:
    return next(
        (one for one in matrix.verifications if (one.sha256, one.version) == (contract.sha256, version)),
        None,
    )


def _present(matrix: Matrix, environment: str | None) -> dict[str, str]:
    """The version of each service that it would meet."""
    if environment is not None:
        return {one.service: one.version for one in matrix.deployments if one.environment == environment}
    newest = {one.consumer: one.version for one in matrix.contracts}
    return {**newest, **{one.provider: one.version for one in matrix.verifications}}


def _known(matrix: Matrix, service: str, version: str) -> bool:
    needs = any((one.consumer, one.version) == (service, version) for one in matrix.contracts)
    return needs or any((one.provider, one.version) == (service, version) for one in matrix.verifications)


def _newest(contracts: Iterable[Contract], service: str) -> str:
    return next((one.version for one in reversed(list(contracts)) if service in (one.consumer, one.provider)), "")


def _check_names(matrix: Matrix, services: Iterable[str], environment: str | None) -> None:
    for service in services:
        if service not in matrix.services:
            known = ", ".join(sorted(matrix.services)) or "none"
            raise PactError(f"no contract names a service {service!r}; known: {known}")
    environments = sorted({one.environment for one in matrix.deployments})
    if environment is not None and environment not in environments:
        raise PactError(
            f"nothing was ever deployed to {environment!r}; known: {', '.join(environments) or 'none'}; "
            f"windtunnel record-deployment tells what is where"
        )
