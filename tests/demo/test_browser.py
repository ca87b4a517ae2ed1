"""Every way to pay on the demo's page, in a real browser.

One demo and one browser serve all of it. Without a browser it is skipped; test_demo.py checks the
same behaviour over HTTP.
"""

import os
import shutil
import signal
import time
from pathlib import Path
from tempfile import mkdtemp

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.demo.browser import (
    DESKTOP,
    MISSING,
    PHONE,
    BrowserHangs,
    Keyboard,
    accessibility_problems,
    drivers,
    find_chromium,
    look,
    open_browser,
    open_page,
    overflows,
)
from tests.demo.demo_process import Workspace, started
from tests.demo.shop import Shop
from tests.servers.owner_program import eventually, processes_in

PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)
LIFETIME_SECONDS = "3600"
# A browser starts within a second or two; a busy machine takes much longer.
MAX_START_SECONDS = 100.0


def test_every_way_to_pay_works_and_is_accessible_in_a_browser(workspace: Workspace) -> None:
    assert PROGRAM is not None
    with started(workspace, "--port", "0") as demo, open_browser(PROGRAM) as browser:
        with open_page(browser, demo.page().address) as page:
            assert accessibility_problems(page) == []
            pay_with_the_keyboard_alone(page)
            # No order expires during the test.
            page.get_by_label("Expires after").fill(LIFETIME_SECONDS)
            shop = Shop(page)
            pay_with_cards(shop)
            use_another_card_after_a_cancellation(shop)
            pay_by_debit_and_voucher(shop)
            authorize_and_ship(shop)
            authorize_and_release(shop)
            check_every_look(page)
            pay_at_the_bank_and_decline_there(shop)
            pay_at_the_bank_without_coming_back(shop)
            approve_at_the_wallet_or_not(shop)
        assert demo.end(15)[0] == 0


@pytest.mark.parametrize("what", ["its page", "its driver"])
def test_a_browser_that_does_not_answer_ends_the_test_with_the_call_that_waits(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PROGRAM is not None
    begun = time.monotonic()
    # A driver that is killed leaves its files. In pytest's folder a socket's name is too long.
    folder = mkdtemp()
    with monkeypatch.context() as patched:
        patched.setenv("TMPDIR", folder)
        with pytest.raises(BrowserHangs, match="not done all within 2 s") as ended:
            wait_for_ever(PROGRAM, what)
    assert time.monotonic() - begun < MAX_START_SECONDS
    assert any("evaluate" in str(entry.statement) for entry in ended.traceback)
    assert eventually(lambda: is_removed(folder), MAX_START_SECONDS)


def is_removed(folder: str) -> bool:
    """Remove a folder; return whether it is gone, and no browser writes into it any more."""
    shutil.rmtree(folder, ignore_errors=True)
    return not Path(folder).exists() and not processes_in(folder)


def wait_for_ever(program: str, what: str) -> None:
    with open_browser(program, max_seconds=2) as browser:
        page = browser.new_page()
        if what == "its driver":
            [driver] = drivers()
            os.kill(driver, signal.SIGSTOP)
        page.evaluate("() => new Promise(() => {})")


def pay_with_the_keyboard_alone(page: Page) -> None:
    keyboard = Keyboard(page)
    keyboard.press(page.get_by_role("button", name="New order"))
    order = Shop(page).newest(1)
    keyboard.go_to(order.item.get_by_role("radio", name="Card"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(order.item.get_by_role("radio", name="iDEAL")).to_be_focused()
    keyboard.press(order.button("Pay $"))
    approve = button_of_the_bank(page, "Approve")
    approve.wait_for()
    assert accessibility_problems(page) == []
    keyboard.press(approve)
    order.says("Back from your bank: paid")
    order.shows("complete", "paid")
    expect(page.get_by_role("status").first).to_have_text("Back from your bank: paid")
    expect(order.item.get_by_role("heading")).to_be_focused()
    keyboard.press(order.button("Refund the payment"))
    order.says("$19.99 refunded")
    order.shows("refunded", "refunded")


def pay_with_cards(shop: Shop) -> None:
    order = shop.new_order()
    order.pay("Card", "tok_chargeDeclinedInsufficientFunds")
    order.says("not enough money")
    order.pay("Wallet")
    order.shows("complete", "paid", "failed")
    order = shop.new_order()
    order.pay("Card", "tok_threeDSecure2Required")
    order.says("Your bank asks you to approve")
    order.button("Approve").click()
    order.shows("complete", "paid")


def use_another_card_after_a_cancellation(shop: Shop) -> None:
    order = shop.new_order()
    order.pay("Card", "tok_threeDSecure2Required")
    expect(order.button("Pay $")).to_be_hidden()
    order.button("Cancel this payment").click()
    order.says("use another way to pay")
    order.pay("Card", "tok_visa")
    order.shows("complete", "paid", "cancelled")


def pay_by_debit_and_voucher(shop: Shop) -> None:
    rejected, paid, voucher = shop.new_order(), shop.new_order(), shop.new_order()
    rejected.pay("Debit")
    rejected.shows("waiting for payment", "waiting for the money")
    rejected.button("Reject it").click()
    rejected.shows("waiting for payment", "failed")
    paid.pay("Debit")
    voucher.pay("Voucher")
    voucher.shows("waiting for payment", "waiting for the money")
    # The bank pays a debit by itself. A voucher waits for its customer.
    paid.shows("complete", "paid")
    voucher.shows("waiting for payment", "waiting for the money")
    voucher.button("Pay it").click()
    voucher.shows("complete", "paid")


def authorize_and_ship(shop: Shop) -> None:
    order = shop.new_order(capture_later=True)
    order.pay("Card", "tok_visa")
    order.says("held until the order ships")
    order.shows("authorized", "authorized")
    order.button("Ship").click()
    order.shows("complete", "paid")


def authorize_and_release(shop: Shop) -> None:
    order = shop.new_order(capture_later=True)
    order.pay("Card", "tok_visa")
    order.button("Release the money").click()
    order.shows("waiting for payment", "cancelled")
    order.pay("Wallet")
    order.shows("authorized", "authorized", "cancelled")
    order.button("Cancel order").click()
    order.shows("cancelled", "cancelled", "cancelled")


def check_every_look(page: Page) -> None:
    """Check the page with all states on it, in both colour schemes, and on a phone."""
    shop = Shop(page)
    for token in ("tok_threeDSecure2Required", "tok_visa"):
        shop.new_order(capture_later=True).pay("Card", token)
    shop.new_order()
    page.get_by_text("Call the API from a terminal").click()
    for scheme in ("light", "dark"):
        for size in (DESKTOP, PHONE):
            look(page, scheme, size)
            assert accessibility_problems(page) == [], (scheme, size)
            assert not overflows(page)


def pay_at_the_bank_and_decline_there(shop: Shop) -> None:
    """Pay on a phone."""
    order = shop.new_order()
    order.pay("iDEAL")
    decline = button_of_the_bank(shop.page, "Decline")
    decline.wait_for()
    assert accessibility_problems(shop.page) == []
    assert not overflows(shop.page)
    decline.click()
    order.says("not approved")
    order.shows("waiting for payment", "failed")
    order.pay("Card", "tok_visa")
    order.shows("complete", "paid", "failed")


def approve_at_the_wallet_or_not(shop: Shop) -> None:
    order = shop.new_order()
    order.pay("PayPal")
    leave = button_of_the_bank(shop.page, "Not now")
    leave.wait_for()
    assert accessibility_problems(shop.page) == []
    assert not overflows(shop.page)
    leave.click()
    order.says("not approved")
    order.shows("waiting for payment")
    order.pay("PayPal")
    button_of_the_bank(shop.page, "Approve").click()
    order.says("Paid")
    order.shows("complete", "paid")


def pay_at_the_bank_without_coming_back(shop: Shop) -> None:
    order = shop.new_order()
    order.pay("iDEAL")
    button_of_the_bank(shop.page, "Approve").wait_for()
    # The customer closes this page as soon as the bank has approved.
    bank = shop.page.context.new_page()
    bank.goto(shop.page.url)
    shop.page.get_by_role("link", name="Back to the shop").click()
    order.says("has not decided yet")
    expect(order.item.get_by_role("link", name="Continue at your bank")).to_be_visible()
    bank.route("**/?returned=*", lambda route: route.abort())
    button_of_the_bank(bank, "Approve").click(no_wait_after=True)
    order.shows("complete", "paid")
    bank.close()


def button_of_the_bank(page: Page, name: str) -> Locator:
    """Return a button of the bank's page; the shop's page may have buttons of these names."""
    return page.locator("body.bank-page").get_by_role("button", name=name)
