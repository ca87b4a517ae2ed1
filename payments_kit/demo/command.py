"""The command `payments demo`, registered as an entry point in pyproject.toml."""

import sys
from pathlib import Path

import click

from payments_kit.demo import run_demo, run_tour


@click.command()
@click.option("--once", is_flag=True, help="Run a scripted tour, print its results, and exit.")
@click.option("--port", default=8080, show_default=True, help="The port of the page.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The data folder of the servers.  [default: .payments-demo; with --once a temporary one]",
)
@click.option("--browser/--no-browser", default=False, help="Open the page in a browser.")
@click.option(
    "--servers", is_flag=True, help="Print DATABASE_URL and NATS_URL, for other commands."
)
def demo(once: bool, port: int, data: Path | None, browser: bool, servers: bool) -> None:
    """Run the whole service on this machine.

    Nothing else needs to be installed. The command starts PostgreSQL and NATS from their Python
    packages, the service and its worker, a fake gateway that accepts Stripe's test tokens, and a
    small orders service. It prints the address of a page where an order can be paid. Ctrl-C stops
    everything. PAYMENT_GATEWAY may name another gateway that moves no real money.
    """
    if once and servers:
        raise click.UsageError("--once stops its servers at the end: --servers is of no use.")
    sys.exit(run_tour(data) if once else run_demo(data, port, browser, servers))
