"""The command `payments simulate`, registered as an entry point in pyproject.toml."""

import sys

import click

from payments_kit.simulation import run


@click.command()
@click.option(
    "--seeds",
    default=2000,
    show_default=True,
    type=click.IntRange(1),
    help="How many seeds to simulate.",
)
@click.option(
    "--first", default=1, show_default=True, type=click.IntRange(0), help="The first seed."
)
@click.option("--seed", type=click.IntRange(0), help="Replay one seed and print each step.")
def simulate(seeds: int, first: int, seed: int | None) -> None:
    """Simulate the service with faults, and check its promises.

    The service's own code runs in memory, on an event loop with a virtual clock. A seed determines
    the orders, the customers, the faults and their times. The first seed that breaks a promise
    (docs/proof.md) is printed as a bug report. Needs no configuration and no server.
    """
    sys.exit(run(seeds, first, seed))
