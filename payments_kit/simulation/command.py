"""The command `payments simulate`, registered as an entry point in pyproject.toml."""

import sys
from typing import Final

import click

from payments_kit.simulation import run

MAX_JOBS: Final = 256
"""More processes than machines that are rented by the hour have cores."""


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
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(1, MAX_JOBS),
    help="How many processes run seeds; as many as the machine has cores is fastest.",
)
def simulate(seeds: int, first: int, seed: int | None, jobs: int) -> None:
    """Simulate the service with faults, and check its promises.

    The service's own code runs in memory, on an event loop with a virtual clock. A seed determines
    the orders, the customers, the faults and their times. The first seed that breaks a promise
    (docs/proof.md) is printed as a bug report. Needs no configuration and no server.
    """
    sys.exit(run(seeds, first, seed, jobs))
