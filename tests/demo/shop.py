"""The demo's page as its users see it, in a browser."""

from attrs import frozen
from playwright.sync_api import Locator, Page, expect


@frozen
class OrderOnPage:
    """One order of the page."""

    page: Page
    id: str

    @property
    def item(self) -> Locator:
        return self.page.locator(f'.order:has([title="order {self.id}"])')

    def button(self, name: str) -> Locator:
        return self.item.get_by_role("button", name=name)

    def pay(self, method: str, card: str | None = None) -> None:
        self.item.get_by_role("radio", name=method).check()
        if card is not None:
            self.item.get_by_label("Test card").select_option(card)
        self.button("Pay $").click()

    def shows(self, *badges: str) -> None:
        """Wait until the order and its payments, the newest first, have these states."""
        expect(self.item.locator(".badge")).to_have_text(badges)

    def says(self, text: str) -> None:
        """Wait until this is shown, and told to assistive technology."""
        expect(self.item.locator(".message")).to_contain_text(text)


@frozen
class Shop:
    """The whole page."""

    page: Page

    def new_order(self, capture_later: bool = False) -> OrderOnPage:
        known = self.page.locator(".order").count()
        self.page.get_by_label("Authorize now").set_checked(capture_later)
        self.page.get_by_role("button", name="New order").click()
        return self.newest(known + 1)

    def newest(self, count: int) -> OrderOnPage:
        """Return the newest order once there are so many."""
        expect(self.page.locator(".order")).to_have_count(count)
        title = self.page.locator(".order .id").first.get_attribute("title") or ""
        return OrderOnPage(self.page, title.removeprefix("order "))
