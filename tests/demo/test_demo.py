"""The command `payments demo` as a process, from its first line to what it leaves behind.

A start costs seconds, so each test uses one for as much as possible.
"""

import os
import signal

import pytest

from payments_kit.demo.tour import STEPS
from tests.demo import tutorial
from tests.demo.console import console_shows
from tests.demo.demo_process import Page, Workspace, started


def test_the_tour_and_the_page_run_at_once_as_different_users(
    workspace: Workspace, other_workspace: Workspace
) -> None:
    with (
        started(workspace, "--servers", "--port", "0") as demo,
        started(other_workspace, "--once") as tour,
    ):
        servers, page = demo.servers(), demo.page()
        tutorial.follow(page, workspace, servers)
        paid = pay_after_a_decline(page)
        cancel_and_authenticate(page)
        pay_at_the_bank(page)
        approve_at_the_wallet(page)
        pay_later(page)
        authorize_and_ship_or_release(page)
        status, output = tour.end()
        assert status == 0, output
        assert "✗" not in output
        assert output.count("✓") == len(STEPS)
        assert all(step.title in output for step in STEPS)
        status, output = demo.end(signal.SIGTERM)
        assert status == 0, output
        assert output.endswith("Stopped.\n")
    assert workspace.becomes_clean()
    with started(workspace, "--port", "0") as demo:
        page = demo.page()
        assert console_shows(demo, paid)
        assert page.shows(paid, "complete")
        assert page.pay(paid, "tok_visa")[0] == 409
        for pid in workspace.processes("entrypoints.cli worker"):
            os.kill(pid, signal.SIGKILL)
        status, output = demo.end()
        assert status == 1
        assert "worker ended with exit code -9" in output


def pay_after_a_decline(page: Page) -> str:
    order = page.new_order()
    status, declined = page.pay(order, "tok_chargeDeclinedInsufficientFunds")
    assert (status, declined["errors"][0]["code"]) == (402, "insufficient_funds")
    status, payment = page.pay(order, "tok_visa")
    assert (status, payment["amount"]) == (201, 1999)
    assert page.shows(order, "complete")
    assert page.shows_event(order, "payment:created")
    status, listed = page.send("GET", f"/api/payments?orderId={order}")
    assert [each["status"] for each in listed] == ["failed", "succeeded"]
    return order


def cancel_and_authenticate(page: Page) -> None:
    expiring = page.new_order(seconds=1)
    cancelled = page.new_order()
    assert page.pay(cancelled, "tok_visa")[0] == 201
    assert page.send("POST", f"/orders/{cancelled}/cancel", {})[1]["status"] == "cancelled"
    assert page.shows_event(cancelled, "payment:refunded")
    assert page.shows(expiring, "cancelled")
    confirmed, rejected = page.new_order(), page.new_order()
    for order, succeeded in ((confirmed, True), (rejected, False)):
        status, payment = page.pay(order, "tok_threeDSecure2Required")
        assert (status, payment["status"]) == (202, "requires_action")
        path = f"/payments/{payment['id']}/decision"
        assert page.send("POST", path, {"approved": succeeded})[0] == 200
    assert page.shows(confirmed, "complete")
    assert page.shows_event(rejected, "payment:failed")


def pay_at_the_bank(page: Page) -> None:
    """Approve and decline on the bank's page, which leads back to the shop."""
    for decision, status, shown in (
        ("approve", "complete", "succeeded"),
        ("decline", "created", "failed"),
    ):
        order = page.new_order()
        return_url = f"{page.address}/?returned={order}"
        code, payment = page.pay(order, "pm_ideal", returnUrl=return_url)
        assert (code, payment["status"]) == (202, "requires_action")
        bank = payment["nextAction"]["redirectUrl"]
        assert bank.startswith(f"{page.address}/bank?")
        assert "19.99 USD" in page.read(bank)
        assert page.submit(bank, decision=decision) == return_url
        assert page.shows(order, status)
        assert page.shows_payments(order, shown)
        assert "nothing to decide" in page.read(bank)


def approve_at_the_wallet(page: Page) -> None:
    """Approve or leave on the wallet's page, which leads to the shop, whatever is asked for."""
    order = page.new_order()
    assert page.pay(order, "tok_chargeDeclined")[0] == 402
    back, left = f"{page.address}/?returned={order}", f"{page.address}/?left={order}"
    fields = {"orderId": order, "gateway": "fake", "returnUrl": back, "cancelUrl": left}
    status, session = page.send("POST", "/api/payments/sessions", fields)
    assert status == 201
    wallet = session["approveUrl"]
    assert wallet.startswith(f"{page.address}/approve?")
    assert "19.99 USD" in page.read(wallet)
    elsewhere = f"{page.address}/approve?session={session['token']}&returnUrl=http://elsewhere/"
    assert page.submit(elsewhere, decision="leave") == left
    assert page.submit(elsewhere, decision="approve") == back
    assert "nothing to approve" in page.read(wallet)
    assert page.pay(order, session["token"])[1]["status"] == "succeeded"
    assert page.shows(order, "complete")


def pay_later(page: Page) -> None:
    """The bank pays a debit by itself; a voucher waits, and is called off here for a card."""
    debit, voucher = page.new_order(), page.new_order()
    assert page.pay(debit, "pm_usBankAccount_processing")[1]["status"] == "pending"
    status, payment = page.pay(voucher, "pm_voucher")
    assert (status, payment["status"]) == (202, "pending")
    assert page.shows(debit, "complete")
    assert page.shows_payments(voucher, "pending")
    assert page.send("POST", f"/api/payments/{payment['id']}/cancel")[0] == 200
    assert page.pay(voucher, "pm_applePay")[0] == 201
    assert page.shows_payments(voucher, "cancelled", "succeeded")


def authorize_and_ship_or_release(page: Page) -> None:
    orders = [page.new_order(capture="manual") for _ in range(3)]
    payments = [page.pay(order, "tok_visa")[1] for order in orders]
    assert [each["status"] for each in payments] == ["authorized"] * 3
    assert all(page.shows(order, "authorized") for order in orders)
    shipped, cancelled, voided = orders
    assert page.send("POST", f"/orders/{shipped}/ship", {})[1]["isShipped"]
    assert page.send("POST", f"/orders/{cancelled}/cancel", {})[0] == 200
    assert page.send("POST", f"/payments/{payments[-1]['id']}/void", {})[0] == 200
    for order, shown in ((shipped, "complete"), (cancelled, "cancelled"), (voided, "created")):
        assert page.shows(order, shown)
    assert page.shows_payments(shipped, "succeeded")
    assert page.shows_payments(cancelled, "cancelled")


@pytest.mark.parametrize(
    ("step", "number"),
    [("payments migrate", signal.SIGINT), ("payments worker", signal.SIGKILL)],
)
def test_a_tour_that_is_stopped_leaves_nothing_behind(
    step: str, number: signal.Signals, workspace: Workspace
) -> None:
    with started(workspace, "--once") as tour:
        tour.read_until(step)
        status, output = tour.end(number)
        if number is signal.SIGINT:
            assert status == 128 + signal.SIGINT
            assert output.endswith("Stopped.\n")


def test_an_unusable_data_folder_is_an_error_of_one_line(workspace: Workspace) -> None:
    (workspace.folder / "file").touch()
    for arguments in (("--once",), ()):
        with started(workspace, "--data", "file/data", *arguments) as demo:
            status, output = demo.end()
        assert status == 1
        assert "file/data cannot be used" in output
