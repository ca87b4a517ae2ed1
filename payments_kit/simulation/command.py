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
    """Search simulated shops for a broken promise.

    The service's own code runs on an event loop with a virtual clock. A seed decides the shop, the
    faults and their times. The first seed that breaks a promise is printed as a bug report.
    Needs no configuration and no server.
    """
    sys.exit(run(seeds, first, seed))
