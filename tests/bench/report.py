"""Print results: lines for the screen, and a table in Markdown for docs/performance.md."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console

from tests.bench.results import Measured, Result

_HEADINGS: Final = (
    "work, and its floor",
    "ratio",
    "CPU ratio",
    "median",
    "rounds",
    "CPU µs",
    "also",
)

# From here on, a figure is shown without decimals.
_LARGE: Final = 100


def show(console: Console, results: Sequence[Result]) -> None:
    """Print the ratio first, then what it is made of."""
    for result in results:
        ratio, cpu_ratio = _ratios(result)
        of_cpu = f" [dim](CPU {cpu_ratio})[/dim]" if cpu_ratio else ""
        console.print(f"[bold]{ratio or '·'}[/bold]{of_cpu} {result.work.name}", highlight=False)
        for each in (result.work, result.floor):
            if each is not None:
                name = "" if each is result.work else f"{each.name}: "
                cells = " · ".join(filter(None, _cells(each, result.unit)))
                console.print(f"    {name}{cells}", style="dim", highlight=False)


def markdown(machine: Mapping[str, str], results: Sequence[Result]) -> str:
    """Return the machine and the results as Markdown."""
    described = "; ".join(f"{name} {value}" for name, value in machine.items())
    lines = [described, "", _row(*_HEADINGS), _row(*["---"] * len(_HEADINGS))]
    for result in results:
        cells = _cells(result.work, result.unit)
        lines.append(_row(result.work.name, *_ratios(result), *cells))
        if result.floor is not None:
            lines.append(_row(f"· {result.floor.name}", "", "", *_cells(result.floor, result.unit)))
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _ratios(result: Result) -> tuple[str, str]:
    """Return the ratio with its spread, and the ratio of the CPU times."""
    if not result.ratios:
        return "", ""
    low, high = min(result.ratios), max(result.ratios)
    ratio = f"{statistics.median(result.ratios):.2f} ({low:.2f}–{high:.2f})"
    return ratio, "" if result.cpu_ratio is None else f"{result.cpu_ratio:.2f}"


def _cells(measured: Measured, unit: str) -> Iterator[str]:
    yield f"{_figure(measured.value)} {unit}"
    yield f"{_figure(min(measured.values))}–{_figure(max(measured.values))}"
    yield ", ".join(f"{name} {each:,.0f}" for name, each in measured.cpu.items())
    yield ", ".join(_detail(name, each) for name, each in measured.details.items())


def _detail(name: str, value: float) -> str:
    """Return a figure between its name and its unit, the last word of the name."""
    name, _, unit = name.rpartition(" ")
    return f"{name} {_figure(value)} {unit}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.3g}"
