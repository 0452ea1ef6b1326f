"""Policies declared in a file: read strictly, changed and switched off without code, mistakes told by line."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from resilience import BreakerSettings, EdgePolicy, RetrySettings
from resilience.declared import PolicyFile, switches
from resilience.errors import SettingsError
from resilience.inbound import InboundPolicy, LimitSettings
from storefront.orders.settings import declared
from storefront.shared.environment import Environment
from storefront.shared.environment import SettingsError as EnvironmentError_

FILE = """\
# what protects it
[inbound]
limit = {maximum = 20}

["a->b"]
deadline = 1
retry = true

breaker = {window = 10, minimum_calls = 5}
"""
SERVICES = ("users", "inventory", "orders", "payments", "bank", "notifications")


def nothing(request, failure):
    """Stands for a service's fallback."""


@pytest.fixture
def read(tmp_path):
    def read(text, table="a->b", settings=EdgePolicy, off=(), *, changes=(), functions=None):
        path = tmp_path / "policies.toml"
        path.write_text(text)
        return PolicyFile(path, changes=changes, functions=functions or {}).read(table, settings, off=off)

    return read


def test_table_becomes_its_settings(read):
    """A whole number is a number of seconds; `true` is the defaults; what a policy does not name has its default."""
    assert read(FILE) == EdgePolicy(
        deadline=1.0, retry=RetrySettings(), breaker=BreakerSettings(window=10, minimum_calls=5)
    )
    assert read(FILE, "inbound", InboundPolicy) == InboundPolicy(limit=LimitSettings(maximum=20))


def test_what_is_not_named_is_off(read):
    """So that the file shows all that there is."""
    assert read('["a->b"]\n') == EdgePolicy(deadline=None, retry=None, breaker=None)


def test_policy_is_changed_and_switched_off_without_touching_the_file(read):
    """Single values, whole policies, and policies that the file does not name."""
    changes = ("a->b.retry.attempts=7", "a->b.breaker={window=3, minimum_calls=3}", "a->b.deadline=0.25")

    assert read(FILE, off=("retry",)).retry is None
    assert read(FILE, changes=changes) == EdgePolicy(
        deadline=0.25, retry=RetrySettings(attempts=7), breaker=BreakerSettings(window=3, minimum_calls=3)
    )
    assert read('["a->b"]\n', changes=("a->b.retry=true",)).retry == RetrySettings()


def test_any_dataclass_of_settings_can_be_declared(read):
    """A policy that is new needs no change here."""

    @dataclass(frozen=True, kw_only=True)
    class New:
        methods: tuple[str, ...] = ()
        name: str | None = None
        retry: RetrySettings | None = field(default_factory=RetrySettings)

    globals()["New"] = New
    made = read('["a->b"]\nmethods = ["GET"]\nname = "x"\n', settings=New)

    assert made == New(methods=("GET",), name="x", retry=None)
    assert switches(New) == ("name", "retry")


def test_word_and_a_function_of_the_service_can_be_declared(read):
    """A strategy is one of several words; a fallback is a function, which the file knows by its name."""
    made = read(
        '["a->b"]\nbalancer = {strategy = "round_robin"}\nfallback = {answer = "nothing"}\n',
        functions={"nothing": nothing},
    )

    assert made.balancer.strategy == "round_robin"
    assert made.fallback.answer is nothing


MISTAKES = {
    "unknown policy": ("deadline = 1", "deadlin = 1", "policies.toml:6: unknown key a->b.deadlin; did you mean"),
    "unknown setting": ("window = 10", "windows = 10", "policies.toml:9: unknown key a->b.breaker.windows; did you"),
    "out of range": ("deadline = 1", "deadline = 0", "policies.toml:6: a->b: deadline is 0.0; right is a number from"),
    "inner range": ("window = 10", "window = 0", "policies.toml:9: a->b: breaker.window is 0; right is a whole number"),
    "text for number": ("deadline = 1", 'deadline = "1s"', "policies.toml:6: a->b.deadline is '1s'; right is a number"),
    "number for whole": ("window = 10", "window = 9.5", "a->b.breaker.window is 9.5; right is a whole number"),
    "true for number": ("window = 10", "window = true", "a->b.breaker.window is True; right is a whole number"),
    "number for policy": (
        "retry = true",
        "retry = 3",
        "policies.toml:7: a->b.retry is 3; right is a table",
    ),
    "unknown word": (
        "retry = true",
        'balancer = {strategy = "best"}',
        "policies.toml:7: a->b: balancer.strategy is 'best'; right is one of least_loaded, round_robin",
    ),
    "number for word": (
        "retry = true",
        "balancer = {strategy = 1}",
        "policies.toml:7: a->b.balancer.strategy is 1; right is one of least_loaded, round_robin",
    ),
    "unknown function": (
        "retry = true",
        'fallback = {answer = "noting"}',
        "policies.toml:7: a->b.fallback.answer is 'noting'; right is the name of a function; known: nothing",
    ),
    "broken TOML": ("deadline = 1", "deadline = ", "policies.toml: not TOML: Invalid value (at line 6"),
}


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_one_line_with_file_line_and_remedy(read, right, wrong, message):
    """It can be mended without reading anything else."""
    with pytest.raises(SettingsError) as error:
        read(FILE.replace(right, wrong), functions={"nothing": nothing})

    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_setting_is_named(read):
    """A policy without a sensible default must be told."""
    with pytest.raises(SettingsError, match=r"policies.toml:3: inbound.rate_limit lacks burst"):
        read(FILE.replace("limit = {maximum = 20}", "rate_limit = {rate = 5}"), "inbound", InboundPolicy)


@pytest.mark.parametrize("change", ["a->b.deadline", "deadline=1", "a->b.deadline=soon", "=1"])
def test_change_that_makes_no_sense_is_refused(read, change):
    """It shows what one looks like."""
    with pytest.raises(SettingsError, match="right is such as inbound"):
        read(FILE, changes=(change,))


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"POLICIES_OFF": "payments.retries"}, "POLICIES_OFF names 'payments.retries'; known: charge_key,"),
        ({"POLICIES_SET": "payments.retry.atempts=2"}, "unknown key orders->payments.retry.atempts; did you mean"),
        ({"POLICIES_SET": "paiments.retry.attempts=2"}, "unknown table 'paiments'"),
        ({"POLICIES_FILE": "/no/such.toml"}, "/no/such.toml: No such file or directory"),
    ],
)
def test_bad_environment_is_one_clear_line(env, message):
    """It names the variable's part that is wrong."""
    with pytest.raises(EnvironmentError_) as error:
        declared(Environment(env)).common()

    assert message in str(error.value)


def test_missing_and_unknown_tables_are_told(tmp_path):
    """An edge that the file forgets is a mistake, not an edge without protection."""
    path = tmp_path / "policies.toml"
    path.write_text('[inbound]\n["orders->users"]\n["orders->bank"]\n')
    with pytest.raises(EnvironmentError_, match=r"policies.toml:3: unknown table 'orders->bank'"):
        declared(Environment({"POLICIES_FILE": str(path)}))
    path.write_text("[inbound]\n")
    with pytest.raises(EnvironmentError_, match=r'there is no table \["orders->users"\]; an empty one is all off'):
        declared(Environment({"POLICIES_FILE": str(path)}))


def test_environment_changes_and_switches_off_by_the_short_name():
    """`payments.retry` is the retry of `orders->payments`."""
    env = {"POLICIES_OFF": "payments.breaker, outbox", "POLICIES_SET": "payments.retry.attempts=9; inbound.deadline=3"}
    found = declared(Environment(env))
    payments, users = (found.common().edges[name] for name in ("payments", "users"))

    assert (payments.breaker, payments.retry.attempts, found.common().inbound.deadline) == (None, 9, 3.0)
    assert users.retry.attempts == 3
    assert "outbox" in found.off


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_declares_a_door_with_all_gates(service):
    """Nothing that stands open by mistake."""
    path = Path(__file__).parents[1] / "storefront" / service / "policies.toml"
    inbound = PolicyFile(path).read("inbound", InboundPolicy)

    assert None not in (inbound.deadline, inbound.rate_limit, inbound.limit)
