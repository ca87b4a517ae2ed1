"""The command line."""

import sys

import click

from tests.mutation.equivalent import BadEquivalent
from tests.mutation.project import PAYMENTS
from tests.mutation.run import Request, Run, UnknownPath


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(1), help="How many processes."
)
@click.option("--sample", type=click.IntRange(1), help="Try only so many, drawn at random.")
@click.option("--seed", default=1, show_default=True, help="Draws the sample.")
@click.option("--threshold", default=95.0, show_default=True, help="The lowest score, in percent.")
@click.option("--again", is_flag=True, help="Try also what was tried before.")
@click.option("--quick", is_flag=True, help="Try few tests: more seem to survive.")
@click.option("--verbose", is_flag=True, help="Say of each mutant what became of it.")
def main(
    paths: tuple[str, ...],
    jobs: int,
    sample: int | None,
    seed: int,
    threshold: float,
    again: bool,
    quick: bool,
    verbose: bool,
) -> None:
    """Change the code in one place at a time, and see whether a test finds it.

    A PATH is a module (domain/order.py), one of its lines (domain/order.py:57) or a folder; without
    one, domain/ and application/ are changed. Verdicts are kept in build/mutants as long as the
    module and the test that found the mutant stay the same; of survivors, as long as all tests do.

    Ends with 1 if the score is below the threshold, or a mutant is wrongly listed as equivalent.
    """
    request = Request(paths, jobs, sample, seed, again, quick, verbose)
    try:
        report = Run(PAYMENTS, request)()
    except (BadEquivalent, UnknownPath, RuntimeError) as error:
        raise click.ClickException(str(error)) from None
    if not report.total.mutants:
        raise click.ClickException(f"there is nothing to change in {' '.join(paths)}")
    for line in report.lines():
        print(line)
    if report.total.score * 100 < threshold or report.stale:
        sys.exit(1)
