"""The command `payments demo` as a process, from its first line to the last thing it leaves."""

import os
import signal

import pytest

from payments_kit.demo.tour import STEPS
from tests.demo.running import (
    Page,
    Place,
    ordinary_user,
    ourselves,
    started,
)


def test_the_tour_passes_twice_at_once_as_different_users_and_leaves_nothing(
    place: Place, another_place: Place
) -> None:
    stranger = ordinary_user()
    with (
        started(place, "--once", runner=ourselves()) as ours,
        started(another_place, "--once", runner=stranger) as theirs,
    ):
        for running in (ours, theirs):
            status, said = running.end()
            assert status == 0, said
            assert "✗" not in said
            assert said.count("✓") == len(STEPS)
            assert all(step in said for step, _, _ in STEPS)
    assert place.is_left_clean()
    assert another_place.is_left_clean()


def test_the_page_pays_and_everything_outlives_the_demo(place: Place, another_place: Place) -> None:
    with started(place, "--port", "0") as demo:
        page = demo.page()
        paid = see_a_payment(page)
        see_what_else_the_page_can_do(page)
        status, said = demo.end(signal.SIGINT)
        assert status == 0, said
        assert said.endswith("Stopped, goodbye.\n")
        assert "Traceback" not in said
    assert place.is_left_clean()
    with started(place, "--port", "0") as demo:
        page = demo.page()
        assert page.status_of(paid) == "complete"
        assert page.pay(paid, "tok_visa")[0] == 409
        for pid in place.processes("entrypoints.cli worker"):
            os.kill(pid, signal.SIGKILL)
        status, said = demo.end()
        assert status == 1
        assert "worker ended with exit code -9" in said
        assert "Traceback" not in said


def see_a_payment(page: Page) -> str:
    order = page.new_order()
    status, declined = page.pay(order, "tok_chargeDeclinedInsufficientFunds")
    assert (status, declined["errors"][0]["code"]) == (402, "insufficient_funds")
    status, payment = page.pay(order, "tok_visa")
    assert (status, payment["amount"]) == (201, 1999)
    assert page.becomes(order, "complete")
    assert page.hears("payment:created", lambda body: bool(body["id"] == payment["id"]))
    status, listed = page.ask("GET", f"/api/payments?orderId={order}")
    assert [each["status"] for each in listed] == ["failed", "succeeded"]
    return order


def see_what_else_the_page_can_do(page: Page) -> None:
    # An order expires, another one is cancelled after it was paid.
    expiring = page.new_order(seconds=1)
    cancelled = page.new_order()
    assert page.pay(cancelled, "tok_visa")[0] == 201
    assert page.ask("POST", f"/orders/{cancelled}/cancel", {})[1]["status"] == "cancelled"
    assert page.hears("payment:refunded", lambda body: bool(body["orderId"] == cancelled))
    assert page.becomes(expiring, "cancelled")
    # 3-D Secure, passed and failed.
    secured, refused = page.new_order(), page.new_order()
    for order, succeeded in ((secured, True), (refused, False)):
        status, payment = page.pay(order, "tok_threeDSecure2Required")
        assert (status, payment["status"]) == (202, "requires_action")
        path = f"/payments/{payment['id']}/authentication"
        assert page.ask("POST", path, {"succeeded": succeeded})[0] == 200
    assert page.becomes(secured, "complete")
    assert page.hears("payment:failed", lambda body: bool(body["orderId"] == refused))
    # Its files are there, and what is no order is refused.
    for path in ("/", "/page.css", "/page.js"):
        assert page.text(path)
    for price in (0, -1, 0.001, 1e9, "NaN", None):
        assert page.ask("POST", "/orders", {"price": price, "seconds": 60})[0] == 400, price
    assert page.ask("POST", "/orders", [])[0] == 400
    assert page.ask("POST", "/orders/no-such-order/cancel", {})[0] == 404
    # Other pages in the same browser can do nothing.
    body = {"price": 1, "seconds": 60}
    assert page.ask("POST", "/orders", body, Origin="http://elsewhere.example")[0] == 403
    assert page.ask("POST", "/orders", body, Host="elsewhere.example")[0] == 403
    assert page.ask("POST", "/orders", body, Origin=page.address)[0] == 201


@pytest.mark.parametrize(
    ("moment", "way"),
    [
        ("starting NATS", signal.SIGINT),
        ("payments migrate", signal.SIGTERM),
        ("payments worker", signal.SIGKILL),
    ],
)
def test_nothing_is_left_of_a_tour_that_was_stopped(
    moment: str, way: signal.Signals, place: Place
) -> None:
    with started(place, "--once") as tour:
        tour.until(moment)
        status, said = tour.end(way)
        if way is not signal.SIGKILL:
            assert status == 128 + signal.SIGINT
            assert said.endswith("Stopped, goodbye.\n")
            assert "Traceback" not in said
    assert place.is_left_clean()


def test_a_folder_that_cannot_be_used_is_an_error_of_one_line(place: Place) -> None:
    (place.folder / "file").touch()
    for arguments in (("--once",), ()):
        with started(place, "--data", "file/data", *arguments) as demo:
            status, said = demo.end()
        assert status == 1
        assert "file/data cannot be used" in said
        assert "Traceback" not in said
