"""Plan: how long and how often each benchmark measures."""

from collections.abc import Callable, Mapping
from typing import Final

from attrs import field, frozen
from rich.console import Console
from rich.progress import Progress

from tests.bench.results import Measured, Sample

# With the default of 200,000 rows, a million.
_WAITING_PER_ROW: Final = 5
_MAX_WAITING: Final = 1_000_000


@frozen
class Plan:
    """The size of a run, and where its progress is shown."""

    rounds: int
    seconds: float
    """How long one kind of work is measured in one round."""
    rows: int
    """With how many rows the tables are filled to compare them with empty ones."""
    soak_minutes: float
    console: Console = field(repr=False)

    @property
    def waiting(self) -> int:
        """How many events wait where a backlog is measured: a million, or less in a quick run."""
        return min(_WAITING_PER_ROW * self.rows, _MAX_WAITING)

    def measure(self, title: str, works: Mapping[str, Callable[[], Sample]]) -> dict[str, Measured]:
        """Run each work once per round, in turn, so that all have the same machine.

        One more round comes first, to fill caches, and is not counted.
        """
        samples: dict[str, list[Sample]] = {name: [] for name in works}
        with Progress(console=self.console, transient=True) as progress:
            steps = progress.add_task(title, total=(self.rounds + 1) * len(works))
            for number in range(self.rounds + 1):
                for name, work in works.items():
                    progress.update(steps, description=f"{title}: {name}")
                    sample = work()
                    if number:
                        samples[name].append(sample)
                    progress.advance(steps)
        return {name: Measured(name, each) for name, each in samples.items()}
