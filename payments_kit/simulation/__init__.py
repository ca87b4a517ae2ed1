"""The simulation: the real use cases, handlers and loops in a world that a seed determines."""


def run(
    seeds: int | None = 2000,
    first: int = 1,
    seed: int | None = None,
    jobs: int = 1,
    seconds: float | None = None,
) -> int:
    """Simulate `seeds` seeds from `first` on, or replay the one `seed` and print its trace.

    With `seconds` it ends after this time; then `seeds` may be None, which is without end. Stops at
    the first seed that breaks a promise, and prints a bug report. Returns the exit status: 0 if
    every promise was kept and, in a long run, every fault occurred; otherwise 1. The output is the
    same with any number of `jobs`, which are processes.
    """
    # Imported here: the report needs rich, which the checker of the promises does not.
    from payments_kit.simulation.report import replay, simulate

    return simulate(seeds, first, jobs, seconds) if seed is None else replay(seed)
