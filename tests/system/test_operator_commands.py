"""An operator captures what is authorized, over HTTP and from a terminal, with real processes."""

import getpass
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from domain.payment_status import PaymentStatus
from tests.system.deployment import Deployment, deploy
from tests.system.shop_events import on_subject
from tests.system.system import System, connect
from tests.system.waiting import eventually


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One deployment with the fake gateway."""
    logs = tmp_path_factory.mktemp("logs")
    with deploy("fake", serves=1, workers=1, keep_logs_in=logs) as deployment:
        yield deployment


@pytest.fixture
async def system(deployment: Deployment) -> AsyncIterator[System]:
    async with connect(deployment) as system:
        yield system


async def authorize(system: System) -> tuple[str, str]:
    """Pay for a new order whose money is captured later; return the order and the payment."""
    order_id = await system.create_order(price=19.99, capture="manual")
    response = await system.api.pay(order_id)
    assert (response.status, response.body["status"]) == (201, "authorized"), response
    return order_id, response.payment_id


async def test_a_part_is_captured_over_http_and_all_by_a_command(system: System) -> None:
    part, payment_id = await authorize(system)
    excessive = await system.api.capture(payment_id, 2000)
    captured = await system.api.capture(payment_id, 500)
    whole, other_id = await authorize(system)
    command = await system.run_command("capture", other_id)
    again = await system.run_command("void", other_id)

    assert (excessive.status, excessive.error_code) == (400, "capture_exceeds_authorization")
    assert (captured.status, captured.body["capturedAmount"]) == (200, 500)
    assert command.stdout == f"captured 19.99 usd of payment {other_id}\n", command
    assert again.returncode == 1
    assert again.stderr.startswith(f"payments: nothing is authorized for payment {other_id}")
    await system.wait_for_status(part, PaymentStatus.SUCCEEDED)
    await system.wait_for_status(whole, PaymentStatus.SUCCEEDED)
    events = await system.events.payment_events([part, whole])
    assert len(on_subject("payment:authorized", events)) == 2
    created = on_subject("payment:created", events)
    assert {each.body["amount"] for each in created} == {500, 1999}


async def test_the_history_says_who_did_what_and_proves_it(system: System, tmp_path: Path) -> None:
    order_id, payment_id = await authorize(system)
    await system.api.capture(payment_id, 500)
    await system.run_command("refund", payment_id, "--amount", "200", "--reason", "asked by phone")
    file = tmp_path / "order.jsonl"

    async def is_in_a_root() -> None:
        exported = await system.run_command("audit", "export", order_id)
        file.write_text(exported.stdout)
        verified = await system.run_command("audit", "verify", str(file))
        assert (verified.returncode, verified.stderr) == (0, "")
        root = re.search(r"root ([0-9a-f]{64}) of \S+ contains all of them", verified.stdout)
        assert root is not None
        published = await system.run_command("audit", "roots")
        assert root[1] in published.stdout

    await system.query("SELECT record_history_root(10000)")  # a worker does so every minute
    await eventually(is_in_a_root)
    lines = file.read_text().splitlines()
    did = {(entry["who"], entry["why"]) for entry in map(json.loads, lines)}
    assert {
        ("orders", "order created"),
        ("customer", "payment authorized"),
        ("operator", "payment succeeded, order complete"),
        (f"cli:{getpass.getuser()}", "asked by phone"),
    } <= did
    for broken, line in (([*lines[:2], *lines[3:]], 3), (lines[:-1], len(lines))):
        file.write_text("\n".join(broken))
        refused = await system.run_command("audit", "verify", str(file))
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"payments: {file}: line {line}: ")
    unknown = await system.run_command("audit", "export", "unknown")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith("payments: order unknown has no history: ")
