"""`make screenshots`: take the README's pictures of the demo and of the console.

With a folder as its argument, also pictures of the pages in both colour schemes and on a phone.
"""

import shutil
import signal
import sys
from pathlib import Path

from tests.demo.browser import (
    DESKTOP,
    MISSING,
    PHONE,
    find_chromium,
    look,
    open_browser,
    open_page,
)
from tests.demo.demo_process import Workspace, current_user, started
from tests.demo.shop import Shop
from tests.entrypoints.console.pictures import take_console_pictures
from tests.servers.owner_program import ROOT

# Wide enough for two columns; a picture of few kilobytes.
PICTURE_SIZE = (1080, 700)
PICTURE = ROOT / "docs" / "demo.png"


def take_pictures(program: str, folder: Path | None) -> None:
    """Pay for some orders in different ways, and take the pictures."""
    workspace = Workspace.create(current_user())
    with started(workspace, "--port", "0") as demo, open_browser(program) as browser:
        with open_page(browser, demo.page().address) as page:
            shop = Shop(page)
            paid = shop.new_order()
            paid.pay("Wallet")
            paid.shows("complete", "paid")
            held = shop.new_order(capture_later=True)
            held.pay("Card", "tok_visa")
            held.shows("authorized", "authorized")
            unpaid = shop.new_order()
            unpaid.item.get_by_role("radio", name="iDEAL").check()
            look(page, "light", PICTURE_SIZE)
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=PICTURE)
            if folder is not None:
                for scheme in ("light", "dark"):
                    for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
                        look(page, scheme, size)
                        page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
                unpaid.pay("PayPal")
                page.get_by_role("button", name="Not now").wait_for()
                page.screenshot(path=folder / "wallet-phone.png")
                page.get_by_role("button", name="Not now").click()
                unpaid.says("not approved")
                page.screenshot(path=folder / "left-phone.png")
                unpaid.pay("iDEAL")
                page.get_by_role("button", name="Approve").wait_for()
                page.screenshot(path=folder / "bank-phone.png")
        demo.end(signal.SIGTERM)
        take_console_pictures(browser, folder)
    shutil.rmtree(workspace.folder)


if __name__ == "__main__":
    chromium = find_chromium()
    if chromium is None:
        sys.exit(MISSING)
    take_pictures(chromium, Path(sys.argv[1]) if sys.argv[1:] else None)
