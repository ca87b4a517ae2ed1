"""An operator captures what is authorized, over HTTP and from a terminal, with real processes."""

from collections.abc import AsyncIterator, Iterator

import pytest

from domain.payment_status import PaymentStatus
from tests.system.deployment import Deployment, deploy
from tests.system.shop_events import on_subject
from tests.system.system import System, connect


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
