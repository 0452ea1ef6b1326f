"""Every error the harness raises on purpose.

WindtunnelError
├── BadInputError               a file or an option is wrong: where, what, what would be right
│   ├── BackendError            what a run was asked to use is not on this machine
│   ├── ContractError           an OpenAPI document
│   ├── TopologyError
│   ├── SpecError
│   ├── PactError               a pact, a state or the matrix cannot be used; nothing was verified
│   ├── SloError
│   └── ProfileError
├── StackError                  the system under test could not be stood up, changed or brought to rest
│   ├── PortTakenError
│   ├── ServiceDiedError
│   ├── NotReadyError
│   └── NotQuietError
├── ProxyError                  a Toxiproxy API said no, or did not answer
├── FaultError                  a fault could not be planned, applied or undone
│   ├── CapabilityError         the backend cannot do this: the experiment is skipped, with the reason
│   ├── InjectionUnprovenError
│   └── RestorationUnprovenError
├── LoadError                   the load generator died, or did not do what it was told
├── StateError                  a provider state could not be set up or taken back: what was verified then means nothing
├── BrokerError                 a Pact Broker said no, or did not answer
├── HistoryError                a stored history cannot be read
└── CheckFailedError            a promise broke: the one error that means FAIL (also an AssertionError)

All but `CheckFailedError` and `CapabilityError` make a verdict ERROR: what happened is unknown, which is never a pass.
"""

from __future__ import annotations

from pathlib import Path


class WindtunnelError(Exception):
    """Base of all errors of this package."""


class BadInputError(WindtunnelError):
    """Something a person wrote is wrong.

    `str()` is one line: `file:line: what; what would be right`.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, line: int | None = None) -> None:
        self.message, self.path, self.line = message, path, line
        where = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        super().__init__(where + message)


class ContractError(BadInputError):
    """An OpenAPI document cannot be used."""


class TopologyError(BadInputError):
    """The topology file cannot be used."""


class SpecError(BadInputError):
    """An experiment file cannot be used."""


class PactError(BadInputError):
    """A pact, a provider state or the deployability matrix cannot be used."""


class SloError(BadInputError):
    """A file of service-level objectives cannot be used."""


class ProfileError(BadInputError):
    """A load profile cannot be used."""


class BackendError(BadInputError):
    """A run was asked for something that this machine does not have: an engine, a program, an image."""


class StackError(WindtunnelError):
    """The system under test could not be stood up, changed or brought to rest."""


class PortTakenError(StackError):
    """A port that was asked for by number is in use."""


class ServiceDiedError(StackError):
    """A service ended by itself; the message ends with its last log lines."""


class NotReadyError(StackError):
    """A service did not become ready in time; the message ends with its last log lines."""


class NotQuietError(StackError):
    """After an experiment the system did not come back to rest: a backlog, or a breaker, stayed."""


class ProxyError(WindtunnelError):
    """A Toxiproxy API refused a call or did not answer. `status` is None when there was no answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class FaultError(WindtunnelError):
    """A fault could not be planned, applied or undone."""


class CapabilityError(FaultError):
    """The backend lacks what this fault needs; the message says what."""


class InjectionUnprovenError(FaultError):
    """A fault was applied, but nothing shows that it bit."""


class RestorationUnprovenError(FaultError):
    """A fault was lifted, but nothing shows that it is gone."""


class LoadError(WindtunnelError):
    """The load generator died, or did not do what it was told."""


class StateError(WindtunnelError):
    """A provider state could not be set up or taken back, or not everything was replayed: nothing is known."""


class BrokerError(WindtunnelError):
    """A Pact Broker refused a call or did not answer. `status` is None when there was no answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class HistoryError(WindtunnelError):
    """A stored history cannot be read."""


class CheckFailedError(WindtunnelError, AssertionError):
    """A promise broke. Lists every broken expectation, one line each."""
