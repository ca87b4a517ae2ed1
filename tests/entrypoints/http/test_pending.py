"""A payment whose money comes later, as its customer sees it over HTTP."""

import httpx
import pytest

from domain.identifiers import PaymentId
from tests.builders import PAYER
from tests.entrypoints.http.world import Client, HttpWorld, first_error, pay, signed_in

DEBIT = "pm_usBankAccount_processing"
SUBMITTED = "pm_usBankAccount_submitted"


async def cancel(client: Client, payment_id: str) -> httpx.Response:
    return await client.post(f"/api/payments/{payment_id}/cancel", headers=signed_in(PAYER))


async def test_it_gets_202_and_its_location_which_shows_what_became_of_it(
    client: Client, world: HttpWorld
) -> None:
    response = await pay(client, DEBIT, headers={"idempotency-key": "key"})
    pending = response.json()
    again = await pay(client, DEBIT, headers={"idempotency-key": "key"})
    other = await pay(client)
    shown = await client.get(response.headers["location"], headers=signed_in())

    assert (response.status_code, pending["status"]) == (202, "pending")
    assert not {"clientSecret", "nextAction", "stripeId", "code"} & pending.keys()
    assert (again.status_code, again.json()) == (202, pending)
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["payment"]) == (409, pending)
    assert shown.json() == {**pending, "refundedAmount": 0}

    await world.gateway.finish_debit(PaymentId(pending["id"]), succeeded=True)
    await world.deliver_notifications()
    shown = await client.get(response.headers["location"], headers=signed_in())
    assert shown.json()["status"] == "succeeded"


async def test_it_can_be_cancelled_and_the_order_paid_by_card(client: Client) -> None:
    pending = (await pay(client, DEBIT)).json()
    cancelled = await cancel(client, pending["id"])
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (await pay(client)).status_code == 201


async def test_one_that_is_too_late_to_cancel_gets_409_with_it(client: Client) -> None:
    pending = (await pay(client, SUBMITTED)).json()
    refused = await cancel(client, pending["id"])
    assert (refused.status_code, first_error(refused)["code"]) == (409, "not_cancellable")
    assert refused.json()["payment"] == pending


@pytest.mark.parametrize("token", [DEBIT, SUBMITTED])
async def test_a_late_failure_lets_the_order_be_paid_again(
    client: Client, world: HttpWorld, token: str
) -> None:
    pending = (await pay(client, token)).json()
    await world.gateway.finish_debit(PaymentId(pending["id"]), succeeded=False)
    await world.deliver_notifications()

    shown = await client.get(f"/api/payments/{pending['id']}", headers=signed_in())
    assert (shown.json()["status"], shown.json()["code"]) == ("failed", "debit_not_authorized")
    assert (await pay(client)).status_code == 201
