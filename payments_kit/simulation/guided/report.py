"""Report of a guided search: its progress, and what it has found."""

import time
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from entrypoints.cli.counting import counted
from payments_kit.simulation.console import ReportConsole
from payments_kit.simulation.guided.corpus import read_corpus, write_corpus
from payments_kit.simulation.guided.runs import GuidedRun, RunAll, runner
from payments_kit.simulation.guided.search import Search
from payments_kit.simulation.interrupt import Interrupt
from payments_kit.simulation.rates import print_rates
from payments_kit.simulation.report import commit, print_failure
from payments_kit.simulation.tally import Tally
from payments_kit.simulation.world import World

_SAVE_SECONDS = 60.0
"""What is lost at most of a corpus if the search is killed."""


@define
class GuidedSearch:
    """A search for so many runs, or for a time."""

    runs: int | None
    first: int
    jobs: int
    seconds: float | None
    file: Path | None = None
    """Where the corpus is kept."""
    console: Console = field(factory=lambda: ReportConsole(highlight=False))
    tally: Tally = field(factory=Tally)
    interrupt: Interrupt = field(factory=Interrupt)

    def run(self) -> int:
        """Search; return 0 if every promise was kept, otherwise 1.

        Raises:
            UnusableCorpus: the corpus cannot be read or written.
            KeyboardInterrupt: Ctrl-C has ended it; the report so far is printed.
        """
        known = [] if self.file is None else read_corpus(self.file)
        search = Search(self.first, known)
        self._save(search)  # before the search, which would be in vain
        began = time.perf_counter()
        failing = self._first_failing(search, began)
        self._save(search)
        if failing is not None:
            print_failure(self.console, World(failing.scenario).run(), self.interrupt)
            return 1
        status = print_rates(self.console, self.tally)
        self._print_end(search, time.perf_counter() - began)
        if self.interrupt.is_requested:
            raise KeyboardInterrupt
        return status

    def _first_failing(self, search: Search, began: float) -> GuidedRun | None:
        columns = (
            TextColumn("guided"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[reached]:,} features"),
        )
        saved = began
        # No refresh from a thread: the wall clock is forbidden during a run.
        with (
            runner(self.jobs) as run_all,
            Progress(*columns, console=self.console, auto_refresh=False) as progress,
        ):
            bar = progress.add_task("", total=self.runs, reached=0)
            while not self._is_over(began):
                for run in self._round(search, run_all):
                    if run.result.is_broken:
                        return run
                    search.learn(run)
                    self.tally.add(run.result)
                    if self.interrupt.is_requested:
                        return None
                reached = len(search.corpus.smallest)
                progress.update(bar, completed=self.tally.seeds, reached=reached, refresh=True)
                if time.perf_counter() - saved > _SAVE_SECONDS:
                    self._save(search)
                    saved = time.perf_counter()
        return None

    def _round(self, search: Search, run_all: RunAll) -> Iterator[GuidedRun]:
        scenarios = search.next_round()
        left = len(scenarios) if self.runs is None else self.runs - self.tally.seeds
        yield from run_all(scenarios[:left])

    def _is_over(self, began: float) -> bool:
        if self.runs is not None and self.tally.seeds >= self.runs:
            return True
        # At least one round, so that a short time has a result as well.
        is_late = self.seconds is not None and time.perf_counter() - began >= self.seconds
        return is_late and self.tally.seeds > 0

    def _save(self, search: Search) -> None:
        if self.file is not None:
            best = [run.scenario for run in search.corpus.best()]
            # The known ones run first, and those that have not run yet stay known.
            write_corpus(self.file, [*best, *search.known[self.tally.seeds :]])

    def _print_end(self, search: Search, elapsed: float) -> None:
        corpus, done = search.corpus, self.tally.seeds
        kept = f"; {self.file} has {len(corpus.best())} recipes" if self.file else ""
        self.console.print(
            f"{counted(done, 'run')} from seed {self.first}, commit {commit()}: "
            "every promise was kept.\n"
            f"{len(corpus.smallest):,} features were reached{kept}.\n"
            f"{elapsed:.1f} s, {done / elapsed:.1f} runs/s, {self.tally.steps / done:.0f} steps "
            f"per run.",
            soft_wrap=True,
        )
