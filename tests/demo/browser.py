"""A real browser (Chromium), where one is installed, for tests of the demo's page."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

# The names of the program in Linux distributions and on macOS.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    f"no browser: install Chromium (one of {', '.join(PROGRAMS)} on PATH), or set PAYMENTS_CHROMIUM"
)
# It asks nobody outside for anything, and runs in a container, in which it has no sandbox for root.
SWITCHES = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
# Everything on the page follows within seconds; a busy machine takes much longer.
MAX_WAIT_MS = 120_000.0
# Everything that a test does takes about a minute; less than the time of its demo.
MAX_SECONDS = 540.0
AGAIN_SECONDS = 5.0
DESKTOP = (1280, 900)
# A small phone (https://gs.statcounter.com/screen-resolution-stats/mobile/worldwide).
PHONE = (360, 740)

# The browser reports each reply with an error status, also an expected one, and what it deletes
# after an operator has signed out.
_USUAL = ("Failed to load resource", "Clear-Site-Data")

Scheme = Literal["light", "dark"]


def find_chromium() -> str | None:
    """Return the program of the browser: PAYMENTS_CHROMIUM, or one on PATH."""
    chosen = os.environ.get("PAYMENTS_CHROMIUM")
    return chosen or next(filter(None, map(shutil.which, PROGRAMS)), None)


class BrowserHangs(Exception):
    """The browser did not answer: the traceback has the call that waits for it."""


@contextmanager
def open_browser(program: str, max_seconds: float = MAX_SECONDS) -> Iterator[Browser]:
    """Start the browser, and end it.

    Raises:
        BrowserHangs: all together took longer than this.
    """
    switches = [*SWITCHES, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    expect.set_options(timeout=MAX_WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=switches, timeout=MAX_WAIT_MS
        )
        with _limited(max_seconds):
            yield browser
            browser.close()


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End what waits for the browser after this time: some of its calls have no limit.

    `evaluate`, `count` and what closes something wait for ever if the browser or its driver hangs.
    """

    def end(_signal: int, _frame: object) -> None:
        # Nothing of it may be waited for again, not even its end.
        for pid in drivers():
            os.kill(pid, signal.SIGKILL)
        raise BrowserHangs(f"the browser has not done all within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    # Again and again: asyncio keeps to itself what a handler raises during one of its callbacks.
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def drivers() -> list[int]:
    """Return the processes of this one that drive a browser, which ends with them."""
    command = ["ps", "axww", "-o", "pid=,ppid=,command="]
    lines = subprocess.check_output(command, text=True, timeout=60).splitlines()
    found = [line.split(None, 2) for line in lines]
    ours = str(os.getpid())
    return [int(pid) for pid, parent, name in found if parent == ours and "run-driver" in name]


@contextmanager
def open_page(browser: Browser, address: str) -> Iterator[Page]:
    """Open a page; at the end, nothing may have been written to its console."""
    context = browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    context.set_default_timeout(MAX_WAIT_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    yield page
    assert [each for each in complaints if not any(usual in each for usual in _USUAL)] == []
    context.close()


def look(page: Page, scheme: Scheme, size: tuple[int, int]) -> None:
    """Change the colours and the size of the window."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": size[0], "height": size[1]})


def accessibility_problems(page: Page) -> list[str]:
    """Return what axe finds in the page as it is now."""
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html']}: {node['failureSummary']}"
        for each in violations
        for node in each["nodes"]
    ]


def overflows(page: Page) -> bool:
    """Whether the page is wider than the window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return width > 0


class Keyboard:
    """A user who has only a keyboard."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def go_to(self, target: Locator, key: str = "Tab") -> None:
        """Press Tab until this has the focus, which must always be visible."""
        target.wait_for()
        for _ in range(200):
            if target.evaluate("each => each === document.activeElement"):
                return
            self.page.keyboard.press(key)
            assert self.page.evaluate(_FOCUS_IS_VISIBLE), self.page.evaluate(_FOCUSED)
        raise AssertionError(f"{target} cannot be reached with {key}")

    def press(self, target: Locator, key: str = "Enter") -> None:
        """Go to this and press a key."""
        self.go_to(target)
        self.page.keyboard.press(key)


_FOCUSED = "document.activeElement.outerHTML"
# The end of the page has no focus: the browser's own controls come next.
_FOCUS_IS_VISIBLE = """() => {
  const focused = document.activeElement;
  if (focused === document.body) return true;
  const style = getComputedStyle(focused);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""
