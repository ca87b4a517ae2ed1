"""Console: where a report is printed."""

from typing import Final

from rich.console import Console

NOT_PRINTED: Final = 2
"""The exit status if nobody reads the report to its end, such as with `| head`."""


class ReportConsole(Console):
    """A console that does not end with 1 for a closed pipe: 1 says that a promise was broken."""

    def on_broken_pipe(self) -> None:
        """End the command without a further error."""
        try:
            super().on_broken_pipe()
        except SystemExit:
            raise SystemExit(NOT_PRINTED) from None
