"""Print the tables of docs/proof-results.md from a report.

`payments simulate --seeds 5000 --json FILE`, then `python -m tests.simulation.fault_table FILE`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

import click

TITLES = {"faults": "fault", "activities": "what actors did"}


def tables(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the tables: what never occurred comes first."""
    for name, title in TITLES.items():
        yield f"| {title} | occurrences | seeds | of possible | rate |"
        yield "|---|---:|---:|---:|---:|"
        for each in sorted(report[name].values(), key=lambda it: bool(it["occurrences"])):
            numbers = (each["occurrences"], each["seeds"], each["possible_seeds"])
            counts = " | ".join(f"{number:,}" for number in numbers)
            yield f"| {each['words']} | {counts} | {each['rate']:.1%} |"
        yield ""


@click.command()
@click.argument("report", type=click.File(encoding="utf-8"), metavar="FILE")
def main(report: IO[str]) -> None:
    """Print the tables of a report, which `payments simulate --json FILE` has written."""
    print("\n".join(tables(json.load(report))))


if __name__ == "__main__":
    main()
