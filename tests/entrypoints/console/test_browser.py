"""Every page of the console in a real browser; one browser and one service serve all of it.

Without a browser it is skipped; the other tests check the same pages without one.
"""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from entrypoints.console import live
from tests.builders import dollars
from tests.demo.browser import (
    DESKTOP,
    MISSING,
    PHONE,
    Keyboard,
    accessibility_problems,
    find_chromium,
    look,
    open_browser,
    open_page,
    overflows,
)
from tests.entrypoints.console.served import KEY, Served, served
from tests.entrypoints.console.stories import HELD, IN_REVIEW, STORY

PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)

PAGES = (
    *("", "/payments", f"/orders/{STORY}", f"/orders/{HELD}", f"/orders/{IN_REVIEW}"),
    *("/reviews", "/dead-letters", "/dead-letters/1", "/differences", "/health"),
)


def test_every_page_works_and_is_accessible(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PROGRAM is not None
    monkeypatch.setattr(live, "SECONDS", 0.5)
    with served() as service, open_browser(PROGRAM) as browser:
        with open_page(browser, service.address) as page:
            sign_in_with_the_keyboard(page)
            figures_arrive_by_themselves(page, service)
            every_look_is_accessible(page, service)
            every_column_is_seen(page, service)
            filter_without_loading_the_page(page, service)
            refund_with_the_keyboard(page, service)
            sign_out(page)
        everything_works_without_scripts(browser, service)


def sign_in_with_the_keyboard(page: Page) -> None:
    assert accessibility_problems(page) == []
    expect(page.get_by_label("Operator key")).to_be_focused()
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def figures_arrive_by_themselves(page: Page, service: Served) -> None:
    tile = page.get_by_role("link", name="Differences")
    expect(tile.last).to_contain_text("0")
    before = page.locator(".tiles")
    before.evaluate("each => each.dataset.old = 'yes'")
    expect(page.locator(".tiles[data-old]")).to_have_count(0)
    expect(page.locator(".tiles .tile")).to_have_count(8)


def every_look_is_accessible(page: Page, service: Served) -> None:
    for path in PAGES:
        page.goto(service.address + path)
        assert accessibility_problems(page) == [], path
        look(page, "dark", PHONE)
        assert not overflows(page), path
        if path in ("", f"/orders/{STORY}"):
            assert accessibility_problems(page) == [], path
        look(page, "light", DESKTOP)


def every_column_is_seen(page: Page, service: Served) -> None:
    for path in ("/payments", "/reviews"):
        page.goto(service.address + path)
        page.locator("td[data-title=Charge] bdi").evaluate_all(
            "all => { for (const each of all) each.textContent = 'ch_3PqXyZ2eZvKYlo2C1a2b3c4d'; }"
        )
        table = page.locator(".table")
        assert table.evaluate("each => each.scrollWidth <= each.clientWidth"), path


def filter_without_loading_the_page(page: Page, service: Served) -> None:
    page.goto(f"{service.address}/payments")
    page.evaluate("window.wasLoadedOnce = true")
    page.get_by_label("Status").select_option("review")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "status=review" in page.url
    order = page.get_by_role("textbox", name="Order", exact=True)
    order.fill("x" * 300)
    order.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("orderId must be")
    assert page.evaluate("window.wasLoadedOnce")


def refund_with_the_keyboard(page: Page, service: Served) -> None:
    page.goto(f"{service.address}/orders/{STORY}")
    expect(page.get_by_role("button", name="Copy order id")).to_be_visible()
    keyboard = Keyboard(page)
    keyboard.press(page.locator("summary").get_by_text("Refund …"))
    keyboard.go_to(page.get_by_label("Amount in USD"))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("12.34")
    keyboard.go_to(page.get_by_label("Reason, for the history"))
    page.keyboard.type("Promised on the phone")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Refund a payment?")).to_be_visible()
    assert accessibility_problems(page) == []
    keyboard.press(page.get_by_role("button", name="Refund 12.34 USD"))
    expect(page.get_by_role("status")).to_contain_text("The refund was requested.")
    expect(page.locator(".timeline li").first).to_contain_text("Promised on the phone")
    assert dollars("12.34") in [each.amount for each in service.world.order(STORY).refunds]


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Operator key")).to_be_visible()


def everything_works_without_scripts(browser: Browser, service: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{service.address}/orders/{HELD}")
    page.get_by_label("Operator key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Capture …").first.click()
    page.get_by_label("Reason, for the history").first.fill("Shipped today")
    page.locator("button", has_text="Capture …").click()
    page.get_by_role("button", name=re.compile("Capture 89.00 USD")).click()
    expect(page.get_by_role("status")).to_contain_text("The capture was requested.")
    page.goto(f"{service.address}/payments")
    page.get_by_label("Status").select_option("review")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    context.close()
