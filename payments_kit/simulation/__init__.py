"""The proof: the real use cases in a world that one seed decides, with everything that may go wrong."""


def run(seeds: int = 2000, first: int = 1, seed: int | None = None) -> int:
    """Simulate so many seeds from the first one on, or replay one and print who did what when.

    Stops at the first seed that breaks a promise, and prints it as a bug report. Returns the exit
    status: 0 if every promise was kept, else 1.
    """
    # Here, as the composition, which this imports, itself imports from this package.
    from payments_kit.simulation.report import replay, simulate

    return simulate(seeds, first) if seed is None else replay(seed)
