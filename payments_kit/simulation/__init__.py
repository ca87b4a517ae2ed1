"""The simulation: the real use cases, handlers and loops in a world that a seed determines."""

from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from payments_kit.simulation.interrupt import Interrupt
    from payments_kit.simulation.scenario import Scenario


def run(
    seeds: int | None = 2000,
    first: int = 1,
    seed: int | None = None,
    jobs: int = 1,
    seconds: float | None = None,
    *,
    coverage: bool = False,
    json_to: IO[str] | None = None,
    to_stderr: bool = False,
    scenario: "Scenario | None" = None,
    interrupt: "Interrupt | None" = None,
) -> int:
    """Simulate `seeds` seeds from `first` on, or replay one `seed` or `scenario` step by step.

    With `seconds` it ends after this time; then `seeds` may be None, which is without end. Stops at
    the first seed that breaks a promise, and prints a bug report. Returns the exit status: 0 if
    every promise was kept and, in a long run, every fault occurred; otherwise 1. The output is the
    same with any number of `jobs`, which are processes. With `coverage` it ends with what of
    domain/ and application/ was not reached. `json_to` receives the numbers of the report,
    which is printed on standard error with `to_stderr`.

    Raises:
        KeyboardInterrupt: the interrupt was requested; the report so far is printed.
    """
    # Imported here: the report needs rich, which the checker of the promises does not.
    from payments_kit.simulation.report import replay, simulate
    from payments_kit.simulation.scenario import scenario_of

    if seed is not None:
        scenario = scenario_of(seed)
    if scenario is not None:
        return replay(scenario, interrupt)
    return simulate(
        *(seeds, first, jobs, seconds),
        coverage=coverage,
        json_to=json_to,
        to_stderr=to_stderr,
        interrupt=interrupt,
    )
