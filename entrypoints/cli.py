"""The command `payments`. What a command needs is imported when it runs, so that --help is quick."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn, get_args

import click

from entrypoints.settings import InvalidSetting, Settings, read_database_url, read_settings
from entrypoints.worker import DEFAULT_ROLES, Role

_ENVIRONMENT: Final = """\b
Configuration is the environment and nothing else:
  DATABASE_URL           postgresql://user:pass@host/db                 required
  NATS_URL               one or more nats://host:port, with commas      required
  JWT_KEY                HS256 secret of users' tokens                  required unless JWKS_URL
  JWKS_URL               RS256/ES256 keys of an identity provider
  PAYMENT_GATEWAY        stripe-payment-intents (default), stripe-charges, fake,
                         or package.module:function of your own
  STRIPE_KEY             secret key                                     required for stripe-*
  STRIPE_API_BASE        another address of the Stripe API
  STRIPE_WEBHOOK_SECRET  whsec_…; two with a comma while rotating
  CURRENCY               of prices that carry none                      usd
  HOST, PORT             where `serve` listens                          0.0.0.0, 3000
  OPERATOR_KEY           bearer secret of the operator API
The README describes these and the rarer ones.
"""


@click.group(epilog=_ENVIRONMENT, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="payments")
def main() -> None:
    """Take the money for orders, once and only once.

    \b
    Try it:         payments demo
    In production:  payments migrate, then `payments serve` and `payments worker`,
                    as many of each as you like.
    """


@main.command()
@click.option("--once", is_flag=True, help="Run a scripted tour, print what happened, and exit.")
@click.option("--port", default=8080, show_default=True, help="Where the page is.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to keep the servers' data.  [default: .payments-demo; with --once a temporary one]",
)
@click.option("--browser/--no-browser", default=False, help="Open the page in a browser.")
def demo(once: bool, port: int, data: Path | None, browser: bool) -> None:
    """Everything on this machine, with nothing to install.

    Starts PostgreSQL and NATS from their wheels, the service and its worker, a fake gateway that
    knows Stripe's test tokens, and a small orders side. Prints the address of a page where an
    order can be paid. Ctrl-C stops everything.
    """
    from payments_kit.demo import run_demo, run_tour

    sys.exit(run_tour(data) if once else run_demo(data, port, browser))


@main.command()
def serve() -> None:
    """Run the HTTP service.

    SIGTERM stops it gracefully: requests under way, and their charges, are finished first.
    """
    from entrypoints.composition.http import open_http
    from entrypoints.http.server import serve as serve_http

    serve_http(open_http(_settings()))


@main.command()
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(get_args(Role)),
    help="What this worker does; repeatable.  [default: replicate, relay, recover]",
)
def worker(roles: tuple[Role, ...]) -> None:
    """Run the worker: order events in, our events out, open payments looked after.

    \b
    replicate  order:created and order:cancelled into our replica of the orders
    relay      the outbox to NATS
    recover    payments and refunds that a crash, a timeout or a cancellation left open
    complete   the orders side of payment:created: marks the order complete

    Run as many as you like; each role is safe to run many times over. SIGTERM stops it gracefully.
    """
    from entrypoints.composition.worker import run_worker
    from entrypoints.logs import configure_logs

    configure_logs()
    _run(run_worker(_settings(http=False), roles or DEFAULT_ROLES))


@main.command()
def migrate() -> None:
    """Bring the database to the newest schema. Safe to repeat, and to run twice at once.

    It needs no other variable than DATABASE_URL.
    """
    from entrypoints.composition.operator import migrate_database

    try:
        database_url = read_database_url(os.environ)
    except InvalidSetting as bad:
        _fail(str(bad))
    click.echo(_run(migrate_database(database_url)))


@main.command()
def doctor() -> None:
    """Check the configuration and everything we depend on; exit 1 if anything is wrong."""
    from entrypoints.composition.operator import examine

    try:
        settings = read_settings(os.environ)
    except InvalidSetting as bad:
        click.echo(f"✗ configuration  {bad}")
        sys.exit(1)
    click.echo("✓ configuration  complete")
    well = True
    for finding in _run(examine(settings)):
        well = well and finding.well
        click.echo(f"{'✓' if finding.well else '✗'} {finding.name:<13}  {finding.text}")
    sys.exit(0 if well else 1)


@main.command()
@click.option(
    "--seeds", default=2000, show_default=True, type=click.IntRange(1), help="How many worlds."
)
@click.option(
    "--first", default=1, show_default=True, type=click.IntRange(0), help="The first one's seed."
)
@click.option("--seed", type=click.IntRange(0), help="Replay this one, line by line.")
def simulate(seeds: int, first: int, seed: int | None) -> None:
    """Look for a broken promise in simulated worlds, where everything goes wrong.

    The use cases themselves run on an event loop with a virtual clock; a seed decides the shop,
    what goes wrong and when. The first seed that breaks a promise is shown as a bug report. Needs
    no configuration and no server.
    """
    from payments_kit.simulation import run

    sys.exit(run(seeds, first, seed))


@main.group(name="dead-letters")
def dead_letters() -> None:
    """Look at events that could not be used, and send them again."""


@dead_letters.command(name="list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--after", default=0, help="Only those with a greater number.")
def list_dead_letters(limit: int, after: int) -> None:
    """List them, oldest first, a line each: number, time, subject, reason."""
    from entrypoints.composition.operator import dead_letters_of

    async def listing() -> None:
        async with dead_letters_of(_settings(http=False)) as letters:
            found = await letters.list(limit, after)
            for letter in found:
                click.echo(
                    f"{letter.id:>6}  {letter.recorded_at:%Y-%m-%d %H:%M:%S}  "
                    f"{letter.subject:<16}  {letter.reason}"
                )
            if not found:
                click.echo("no dead letters", err=True)

    _run(listing())


@dead_letters.command(name="show")
@click.argument("number", type=click.IntRange(1))
def show_dead_letter(number: int) -> None:
    """Show one with its headers, and its body byte for byte."""
    from entrypoints.composition.operator import dead_letters_of

    async def showing() -> None:
        async with dead_letters_of(_settings(http=False)) as letters:
            letter = await letters.show(number)
            if letter is None:
                _fail(f"there is no dead letter {number}")
            click.echo(f"subject: {letter.subject}")
            click.echo(f"reason:  {letter.reason}")
            click.echo(f"buried:  {letter.recorded_at.isoformat()}")
            for name, value in letter.headers.items():
                click.echo(f"header:  {name}: {value}")
            click.echo()
            click.echo(letter.data)

    _run(showing())


@dead_letters.command(name="replay")
@click.argument("numbers", nargs=-1, type=click.IntRange(1))
@click.option("--all", "everything", is_flag=True, help="Replay all of them.")
def replay_dead_letters(numbers: tuple[int, ...], everything: bool) -> None:
    """Send dead letters again on the subject they came from.

    They stay listed. Repeating it is safe: an event that was used already changes nothing.
    """
    from entrypoints.composition.operator import dead_letters_of

    if bool(numbers) == everything:
        raise click.UsageError("name the dead letters to replay, or --all")

    async def replaying() -> None:
        async with dead_letters_of(_settings(http=False)) as letters:
            count, after = 0, 0
            wanted = set(numbers)
            while found := await letters.list(_PAGE, after):
                for letter in found:
                    if everything or letter.id in wanted:
                        await letters.replay(letter)
                        wanted.discard(letter.id)
                        count += 1
                after = found[-1].id
            if wanted:
                _fail(f"there is no dead letter {', '.join(map(str, sorted(wanted)))}")
            click.echo(f"replayed {count}")

    _run(replaying())


# How many dead letters are fetched at a time: a page of 64 KiB messages stays well under 100 MB.
_PAGE: Final = 200


@main.group()
def outbox() -> None:
    """Work on the events we have published."""


@outbox.command()
@click.option(
    "--since", required=True, type=click.DateTime(), help="In UTC, such as 2026-01-31T12:00:00."
)
def republish(since: datetime) -> None:
    """Publish again what was published since then, under the same ids: for a broker that lost it."""
    from entrypoints.composition.operator import republish as again

    click.echo(f"{_run(again(_settings(http=False), since))} events are on their way again")


def _settings(*, http: bool = True) -> Settings:
    try:
        return read_settings(os.environ, http=http)
    except InvalidSetting as bad:
        _fail(str(bad))


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    from application.ports.event_publisher import BrokerUnavailable
    from application.ports.unit_of_work import StorageUnavailable

    try:
        return asyncio.run(coroutine)
    except (InvalidSetting, BrokerUnavailable, StorageUnavailable) as problem:
        _fail(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(problem: str) -> NoReturn:
    click.echo(f"payments: {problem}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
