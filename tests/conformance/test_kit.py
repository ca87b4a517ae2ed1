"""The kit itself: shipped, out of the way of everybody else, and not to be fooled."""

import asyncio
import sys
import tomllib
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.outcome import Outcome
from domain.payment import Payment
from payments_kit.conformance.bounded import BoundedGateway
from payments_kit.conformance.promises import a_payment
from tests.conformance.shell import EXAMPLES, ROOT, run

TOKEN = CardToken("tok_visa")
LIVE = """
from tillpay_kit import *
from tillpay_kit import make_gateway as make_test_gateway

@contextlib.asynccontextmanager
async def make_gateway(environment):
    async with make_test_gateway(environment) as harness:
        harness.gateway.livemode = True
        yield harness
"""


class Failing(InMemoryGateway):
    """A gateway whose charges go wrong."""

    def __init__(self, going_wrong: Callable[[], Awaitable[object]]) -> None:
        super().__init__(GatewayLedger(lambda: datetime.now(UTC)))
        self.going_wrong = going_wrong

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        await self.going_wrong()
        return await super().charge(payment, token)


async def test_a_call_that_never_ends_breaks_the_promise() -> None:
    gateway = BoundedGateway(Failing(asyncio.Event().wait), 0.01)
    with pytest.raises(
        AssertionError, match=r"^`charge` never ended: every call ends within 15 s$"
    ):
        await gateway.charge(a_payment(), TOKEN)


@pytest.mark.parametrize("error", [TimeoutError, ConnectionResetError, KeyError])
async def test_any_third_exception_breaks_the_promise(error: type[Exception]) -> None:
    async def going_wrong() -> None:
        raise error

    with pytest.raises(
        AssertionError, match=rf"^`charge` raised {error.__name__}: whatever is not"
    ):
        await BoundedGateway(Failing(going_wrong)).charge(a_payment(), TOKEN)


@pytest.mark.parametrize("error", [OutcomeUnknown, GatewayUnavailable])
async def test_the_two_exceptions_of_the_port_pass(error: type[Exception]) -> None:
    async def going_wrong() -> None:
        raise error

    with pytest.raises(error):
        await BoundedGateway(Failing(going_wrong)).charge(a_payment(), TOKEN)


def test_a_gateway_that_moves_real_money_is_refused(tmp_path: Path) -> None:
    (tmp_path / "live_kit.py").write_text(LIVE)
    done = run("pytest --gateway live_kit:make_gateway", tmp_path, path=EXAMPLES)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stdout.strip().endswith("this gateway moves real money (livemode)")


def test_a_run_of_some_promises_says_which_were_not_run(tmp_path: Path) -> None:
    done = run("pytest --gateway tillpay_kit:make_gateway -k two_payments", tmp_path, path=EXAMPLES)
    assert done.returncode == 0, done.stdout
    assert "kept       two payments are two charges\n" in done.stdout
    assert "not shown: not run this time\n           a good card is charged" in done.stdout
    assert "1 kept, 0 broken, 50 not shown" in done.stdout


def test_another_project_s_tests_run_as_without_it(tmp_path: Path) -> None:
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


def test_the_distribution_ships_it(tmp_path: Path) -> None:
    done = run(f"{sys.executable} -m hatchling build -t wheel -d {tmp_path}", ROOT)
    assert done.returncode == 0, done.stdout
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for module in (ROOT / "payments_kit.conformance").glob("*.py"):
        assert f"payments_kit.conformance/{module.name}" in names
    [entry_points] = [name for name in names if name.endswith("/entry_points.txt")]
    assert (
        "payments = payments_kit.conformance.plugin"
        in zipfile.ZipFile(wheel).read(entry_points).decode()
    )


def test_the_extra_asks_for_what_the_kit_is_tested_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extra = project["project"]["optional-dependencies"]["conformance"]
    assert set(extra) <= set(project["dependency-groups"]["dev"])
