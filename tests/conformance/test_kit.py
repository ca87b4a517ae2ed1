"""The kit itself: it is shipped, does not affect other pytest runs, and detects wrong calls."""

import asyncio
import re
import sys
import tomllib
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
from application.ports.payment_gateway import (
    MAX_KEY_LENGTH,
    CardToken,
    GatewayUnavailable,
    OutcomeUnknown,
)
from domain.identifiers import ChargeId
from domain.outcome import Charged, Outcome
from domain.payment import Payment
from domain.refund_rules import MAX_RETRIES
from payments_kit.conformance.checked import CheckedGateway
from payments_kit.conformance.samples import a_payment, a_refund, to_capture
from tests.conformance.shell import EXAMPLES, ROOT, run

LIVE = """
from tillpay_kit import *
from tillpay_kit import make_gateway as make_test_gateway

@contextlib.asynccontextmanager
async def make_gateway(environment):
    async with make_test_gateway(environment) as harness:
        harness.gateway.livemode = True
        yield harness
"""


class FailingGateway(InMemoryGateway):
    """A gateway whose charges fail."""

    def __init__(self, fail: Callable[[], Awaitable[object]]) -> None:
        super().__init__(GatewayLedger(lambda: datetime.now(UTC)))
        self.fail = fail

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        await self.fail()
        return await super().charge(payment, token)


async def charge(fail: Callable[[], Awaitable[object]], seconds: float = 17.0) -> Outcome:
    gateway = CheckedGateway(FailingGateway(fail), seconds)
    return await gateway.charge(a_payment(), CardToken("tok_visa"))


async def test_a_call_that_never_ends_breaks_the_promise() -> None:
    with pytest.raises(AssertionError, match=r"^`charge` did not end: it must end within 15 s$"):
        await charge(asyncio.Event().wait, 0.01)


@pytest.mark.parametrize("error", [TimeoutError, ConnectionResetError, KeyError])
async def test_any_third_exception_breaks_the_promise(error: type[Exception]) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(AssertionError, match=rf"^`charge` raised {error.__name__}: whatever is"):
        await charge(fail)


@pytest.mark.parametrize("error", [OutcomeUnknown, GatewayUnavailable])
async def test_the_two_exceptions_of_the_port_pass(error: type[Exception]) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(error):
        await charge(fail)


def test_its_keys_are_as_long_as_the_port_promises_and_no_longer_than_it_allows() -> None:
    payment = a_payment()
    charged = Charged(ChargeId("ch"), payment.amount, livemode=False)
    refund = evolve(a_refund(payment, charged), attempt=MAX_RETRIES)
    keys = [payment.id, refund.key, to_capture(payment).capture_key]
    # As NewId promises, as domain/refund_rules.py makes them, and as PaymentState does.
    lengths = [36, 36 + len("-back-99-0123abcd:10"), 36 + len(":capture-100000")]
    assert [len(key) for key in keys] == lengths
    assert all(re.fullmatch(rf"[A-Za-z0-9_:-]{{1,{MAX_KEY_LENGTH}}}", key) for key in keys)


def test_a_gateway_that_moves_real_money_is_refused(tmp_path: Path) -> None:
    (tmp_path / "live_kit.py").write_text(LIVE)
    done = run("pytest --gateway live_kit:make_gateway", tmp_path, path=EXAMPLES)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stdout.strip().endswith("this gateway moves real money (livemode)")


def test_a_partial_run_reports_the_promises_that_were_not_checked(tmp_path: Path) -> None:
    done = run("pytest --gateway tillpay_kit:make_gateway -k two_payments", tmp_path, path=EXAMPLES)
    assert done.returncode == 0, done.stdout
    assert "kept       two payments are two charges\n" in done.stdout
    assert (
        "not checked: not selected\n           a charge captures the requested amount"
        in done.stdout
    )
    assert "1 kept, 0 broken, 102 not checked" in done.stdout


def test_another_project_s_tests_run_as_if_it_were_not_installed(tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "__init__.py").write_text("OURS = True\n")
    test = "import sys, adapters\ndef test_it():\n    assert adapters.OURS\n"
    test += "    assert not {'application', 'attrs', 'domain'} & set(sys.modules)\n"
    (tmp_path / "test_project.py").write_text(test)
    done = run("pytest -p no:asyncio -p no:hypothesispytest -W error", tmp_path)
    assert done.returncode == 0, done.stdout
    assert "promises" not in done.stdout


def test_the_service_loads_no_test_library(tmp_path: Path) -> None:
    program = (
        "import sys, entrypoints.cli, entrypoints.composition.http, entrypoints.composition.worker;"
        "print({'pytest', '_pytest', 'hypothesis', 'payments_kit.conformance'} & set(sys.modules))"
    )
    assert run(f'{sys.executable} -c "{program}"', tmp_path, path=ROOT).stdout == "set()\n"


def test_the_distribution_contains_it(tmp_path: Path) -> None:
    done = run(f"{sys.executable} -m hatchling build -t wheel -d {tmp_path}", ROOT)
    assert done.returncode == 0, done.stdout
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for module in (ROOT / "payments_kit" / "conformance").glob("*.py"):
        assert f"payments_kit/conformance/{module.name}" in names
    [entry_points] = [name for name in names if name.endswith("/entry_points.txt")]
    assert (
        "payments = payments_kit.conformance.plugin"
        in zipfile.ZipFile(wheel).read(entry_points).decode()
    )


def test_the_extra_requires_the_versions_that_the_kit_is_tested_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extra = project["project"]["optional-dependencies"]["conformance"]
    # A group may include another one, which is a table.
    developed = {each for each in project["dependency-groups"]["dev"] if isinstance(each, str)}
    assert set(extra) <= developed
