"""What the commands about the gateways' balances share."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from attrs import define, field

from entrypoints.cli.counting import counted
from entrypoints.cli.period import BEGINNING, check_order
from entrypoints.cli.running import fail, run

if TYPE_CHECKING:
    from application.ports.gateway_records import Period
    from application.ports.gateways import ConfiguredGateway, Gateways

Item = TypeVar("Item")

# An operator who waits longer for a sign of life thinks that the command hangs.
PROGRESS_SECONDS: Final = 2.0

gateway_option = click.option(
    "--gateway", metavar="NAME", help="Only this gateway.  [default: all]"
)


class NothingWritten(Exception):
    """The command was ended before it wrote anything; the text is the line to print."""


def period_of(since: datetime | None, until: datetime | None) -> "Period":
    """Return the period of the options."""
    from application.ports.gateway_records import Period

    period = Period(since or BEGINNING, until or datetime.now(UTC))
    check_order(period.since, period.until)
    return period


def run_or_fail(working: Coroutine[Any, Any, list[str]]) -> None:
    """Run a command that returns its problems; exit with status 1 if there is any."""
    try:
        problems = run(working)
    except NothingWritten as reason:
        problems = [str(reason)]
    if problems:
        fail(*problems)


@define
class Chosen:
    """The gateways to ask, and those that cannot list movements."""

    gateways: "tuple[ConfiguredGateway, ...]"
    problems: list[str] = field(factory=list)

    async def each(
        self, listing: "Callable[[ConfiguredGateway], AsyncIterator[Item]]"
    ) -> AsyncIterator[Item]:
        """Yield what each gateway lists."""
        for gateway in self.gateways:
            async with self.asking(gateway):
                async for item in listing(gateway):
                    yield item

    @asynccontextmanager
    async def asking(self, gateway: "ConfiguredGateway") -> AsyncIterator[None]:
        """Note that a gateway cannot list movements.

        Raises:
            NothingWritten: it cannot be asked.
        """
        from application.ports.payment_gateway import OutcomeUnknown
        from application.use_cases.read_movements import NoMovements

        try:
            yield
        except NoMovements as error:
            self.problems.append(str(error))
        except OutcomeUnknown as unknown:
            raise NothingWritten(
                f"{gateway.name} cannot be asked: {unknown}; nothing was written"
            ) from None

    def check_any(self) -> None:
        """Check that any gateway could be asked.

        Raises:
            NothingWritten: none could.
        """
        if len(self.problems) == len(self.gateways):
            raise NothingWritten("; ".join(self.problems))


def chosen(gateways: "Gateways", name: str | None) -> Chosen:
    """Return the gateways of the option.

    Raises:
        NothingWritten: there is none of this name.
    """
    if name is None:
        return Chosen(gateways.configured)
    found = gateways.named(name)
    if found is None:
        names = ", ".join(each.name for each in gateways)
        raise NothingWritten(f"there is no gateway {name[:100]!a}; there is {names}")
    return Chosen((found,))


@define
class Progress:
    """Says on stderr how far a command is."""

    what: str
    """One of what is counted."""
    counted: int = 0
    doing: str = ""
    """What the command waits for."""
    _said_at: float = field(factory=time.monotonic)

    def count(self) -> None:
        """Count one more."""
        self.counted += 1
        self._say()

    @asynccontextmanager
    async def also_while_waiting(self) -> AsyncIterator[None]:
        """Say how far the command is also while there is nothing to count."""
        saying = asyncio.create_task(self._keep_saying())
        try:
            yield
        finally:
            saying.cancel()

    def end(self) -> None:
        """Say how many there were."""
        click.echo(f"payments: {counted(self.counted, self.what)}", err=True)

    async def _keep_saying(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            self._say()

    def _say(self) -> None:
        if time.monotonic() - self._said_at >= PROGRESS_SECONDS:
            self._said_at = time.monotonic()
            doing = self.doing and f", {self.doing}"
            click.echo(f"payments: {counted(self.counted, self.what)}{doing} …", err=True)
