"""The README's picture of the console; a part of `make screenshots`."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from tests.demo.browser import DESKTOP, PHONE, look, open_page
from tests.entrypoints.console.served import KEY, served
from tests.entrypoints.console.stories import HELD, IN_REVIEW, STORY
from tests.servers.owner_program import ROOT

# Wide enough for two columns; a picture of few kilobytes.
_SIZE: Final = (1200, 900)
_ORDER: Final = ROOT / "docs" / "console-order.png"

_PAGES: Final = {
    "overview": "",
    "payments": "/payments",
    "order": f"/orders/{STORY}",
    "held": f"/orders/{HELD}",
    "review": f"/orders/{IN_REVIEW}",
    "dead-letters": "/dead-letters",
    "health": "/health",
}

# A day of a shop.
_ORDERS: Final = 54


def take_console_pictures(browser: Browser, folder: Path | None) -> None:
    """Take docs/console-order.png; with a folder, also every page in every look."""
    with served(_ORDERS) as service, open_page(browser, service.address) as page:
        page.get_by_label("Operator key").fill(KEY)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        _take(page, service.address + f"/orders/{STORY}", _ORDER)
        for name, path in _PAGES.items() if folder else ():
            assert folder is not None
            page.goto(service.address + path)
            for scheme in ("light", "dark"):
                for device, size in (("desktop", DESKTOP), ("phone", PHONE)):
                    look(page, scheme, size)
                    picture = folder / f"console-{name}-{device}-{scheme}.png"
                    page.screenshot(path=picture, full_page=True)


def _take(page: Page, address: str, picture: Path) -> None:
    look(page, "light", _SIZE)
    page.goto(address)
    page.screenshot(path=picture)
