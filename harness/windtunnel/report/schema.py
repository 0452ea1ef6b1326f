"""The shape of `summary.json`. `reports/SUMMARY.md` describes it for people.

Within a version, keys are only added, never renamed or removed. A figure that does not exist is None, never 0.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

SCHEMA: Final = "windtunnel/summary/v1"


class WindowSummary(TypedDict):
    """Figures of one window, or of one scenario or route in it."""

    samples: int
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    degraded_rate: float | None


class PromiseSummary(TypedDict):
    """One promise, as it was judged: `passed`, `failed` or `unknown`."""

    promise: str
    """`fault/place_order p99 < 1500ms`, `recovery within 10s`, or the name of an invariant."""
    judgement: str
    got: str
    """What was seen instead of, or beside, the limit: `got 5004ms (n=601, 14% over)`."""
    observed: float | None
    """Seconds, share or count."""
    samples: int | None


class RecoverySummary(TypedDict):
    """`censored`: the system was not seen to recover, and was watched for `seconds`."""

    seconds: float | None
    censored: bool
    limit_seconds: float


class FaultSummary(TypedDict):
    """One step: what was done to whom, and whether it was shown to bite and to be gone."""

    step: str
    kind: str
    edges: list[str]
    service: str | None
    proven: bool
    restored: bool


class LoadSummary(TypedDict):
    """Arrivals per second, due and sent, over the time of the load; and the share of requests sent late."""

    offered_rate: float | None
    achieved_rate: float | None
    late_share: float
    late_p99_ms: float


class ExperimentSummary(TypedDict):
    """One run of one experiment."""

    id: str
    title: str
    item: str
    """What to give to pytest to run it again."""
    verdict: str
    reasons: list[str]
    """One line for everything that did not pass."""
    windows: dict[str, WindowSummary]
    """Keys: a window, or `window/scope`."""
    recovery: RecoverySummary | None
    faults: list[FaultSummary]
    load: LoadSummary | None
    promises: list[PromiseSummary]
    severity: str
    tags: list[str]
    reproduce: str
    """The command that runs it again, with the same seed and profile."""
    spec: dict[str, str]
    """`path` and `sha256` of the file."""
    run: dict[str, str | int | float]
    """Backend, proxy, seed, worker, run id, Unix time of its begin, seconds; empty when it never began."""
    history: str | None
    """The stored history, relative to the summary's folder."""


class CapacitySummary(TypedDict):
    """What a search for the capacity found. Rates per second."""

    held_rate: float | None
    """Arrivals of the highest step that held."""
    held_requests_rate: float | None
    """Requests that were answered ok in that step."""
    broke_rate: float | None
    """Arrivals of the first step that broke; None when none did."""
    reason: str
    bound: str | None
    """What was full in it: a service, `machine`; `generator`, `proxy`, `others` when it was not the system's doing."""
    usage_cores: dict[str, float]


class BudgetSummary(TypedDict):
    """The error budget of one objective, as one stage spends it."""

    stage: str
    objective: str
    target: float
    availability: float
    burn_rate: float
    period_seconds: float | None
    spent: float | None
    """Share of the whole period's budget."""


class StageSummary(TypedDict):
    """One stage: what was asked of it, and its figures. Rates are arrivals per second."""

    stage: str
    seconds: float
    from_rate: float
    to_rate: float
    requests_rate: float
    """Requests per second that were answered, well or not."""
    cores: dict[str, float]
    """What each service, the `generator`, the `proxy` and all `others` used, on average."""
    errors: dict[str, int]
    """By kind: `timeout`, `refused`, `expectation: status 503, wanted 200`."""


class LoadProfileSummary(TypedDict):
    """One run of one load profile."""

    id: str
    title: str
    item: str
    verdict: str
    reasons: list[str]
    rate: float
    """The profile's own rate: arrivals per second."""
    target_rate: float | None
    """What is aimed at where the machine allows it."""
    target_of: str
    stages: list[StageSummary]
    windows: dict[str, WindowSummary]
    """Keys: a stage, or `stage/scope`."""
    promises: list[PromiseSummary]
    capacity: CapacitySummary | None
    budgets: list[BudgetSummary]
    recovery: RecoverySummary | None
    faults: list[FaultSummary]
    load: LoadSummary | None
    severity: str
    tags: list[str]
    reproduce: str
    spec: dict[str, str]
    run: dict[str, str | int | float]
    history: str | None


class FuzzProblemSummary(TypedDict):
    """One answer that was not as it should be."""

    request: str
    wrong: list[str]
    answer: str
    curl: str
    """A line that sends it again; the service's address is a variable in it."""


FuzzKind = Literal["cell", "found", "chain", "walk"]


class FuzzCellSummary(TypedDict):
    """One operation, healthy or with one edge broken in one way; or a case that was found once, a chain, a walk."""

    id: str
    item: str
    kind: FuzzKind
    """Only a `cell` is counted as one."""
    operation: str
    """The first of a chain; empty: a walk."""
    edge: str
    """Empty: nothing was broken, or, in a walk, several."""
    fault: str
    """`healthy`, `refused`, `black-holed`, `slow`, `answer-lost`, `truncated`; `several` in a walk."""
    found: bool
    """A case that was found once: `kind` says the same."""
    verdict: str
    reasons: list[str]
    problems: list[FuzzProblemSummary]
    """Each kind once."""
    requests: dict[str, int]
    """By kind: how many were sent and judged."""
    statuses: dict[str, int]
    """By status, `none` for no answer: how often it came."""
    reached: int | None
    """Calls of valid requests that met the fault; None where nobody can count them."""
    proof: str
    followed: dict[str, int]
    """By link (`orders: placeOrder 201 readOrder`): how often it was followed."""
    story: list[str]
    """Of a walk: its steps, each with what came of it and a line of curl."""
    reproduce: str
    run: dict[str, str | int | float]


class FuzzSummary(TypedDict):
    """All cells of a run, and the whole that they are a share of."""

    operations: int
    """Documented ones."""
    operations_covered: int
    """Those with at least one cell whose outcome is known."""
    operations_left_out: dict[str, str]
    """With the reason."""
    cells: int
    """That there are: operations times conditions."""
    cells_covered: int
    """Whose outcome is known."""
    links: int
    """In all documents."""
    links_followed: int
    """At least once, by a cell, a chain or a walk."""
    cases: int
    """Requests that were sent and judged."""
    totals: dict[str, int]
    results: list[FuzzCellSummary]


class SystemSummary(TypedDict):
    """What could have been broken: the whole that coverage is a share of."""

    name: str
    services: list[str]
    edges: dict[str, str]
    """By name (`orders->payments`): what losing it may cost (`hard`, `soft, background`)."""
    replicas: NotRequired[dict[str, int]]
    """How many instances a service has, where that is more than one."""
    faults: dict[str, str]
    """By name: `edge` or `service`, what it is put on."""


class RunSummary(TypedDict):
    """Who, where, when: what all experiments of a run share. Texts are empty where they are not known."""

    began_unix: float | None
    seconds: float | None
    commit: str
    """Of the repository that the run was started in; `+` behind it: with changes that were not committed."""
    backend: str
    proxy: str
    profile: str
    seed: int | None
    machine: str
    versions: dict[str, str]


class SummaryDocument(TypedDict):
    """The whole file."""

    schema: str
    totals: dict[str, int]
    """How many experiments had each verdict."""
    system: SystemSummary
    run: RunSummary
    experiments: list[ExperimentSummary]
    load_profiles: NotRequired[list[LoadProfileSummary]]
    """Absent where none ran."""
    fuzz: NotRequired[FuzzSummary]
    """Absent where nothing was fuzzed."""
