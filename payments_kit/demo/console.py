"""The demo's output on the terminal."""

import sys
from typing import Final

from rich.console import Console
from rich.markup import escape

# Wide enough for the tour's table where there is no terminal with a width of its own.
PLAIN_WIDTH: Final = 120


def open_console() -> Console:
    """Return a console that never fails because the terminal can't show a character."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def print_line(console: Console, style: str, text: str) -> None:
    """Print a text without interpreting markup in it, and without wrapping it."""
    console.print(f"[{style}]{escape(text)}[/]", soft_wrap=True)
