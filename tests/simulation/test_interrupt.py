"""Ctrl-C ends a simulation at once and with a report; its processes never outlive it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from payments_kit.simulation.command import INTERRUPTED
from tests.servers.owner_program import eventually

ROOT = Path(__file__).parents[2]
MAX_SECONDS = 60.0

# It says on stderr which process runs a seed; the first seed of all ends with an interrupt that
# Python ignores if the interrupt raises. A test run has handlers of its own: these are Python's.
SIMULATE = """
import os, signal, sys
from payments_kit.simulation import seeds
from payments_kit.simulation.command import simulate
from payments_kit.simulation.guided import runs

class Interrupts:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def saying(run):
    def call(*values, **options):
        os.write(2, b"%d\\n" % os.getpid())  # in one piece, beside those of other processes
        if is_lost:
            Interrupts()
        return run(*values, **options)
    return call

signal.signal(signal.SIGINT, signal.default_int_handler)
is_lost = sys.argv.pop(1) == "lost"
seeds.run_seed, runs.run_guided = saying(seeds.run_seed), saying(runs.run_guided)
simulate()
"""


@contextmanager
def simulating(how: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start a simulation of an hour."""
    with subprocess.Popen(
        [sys.executable, "-c", SIMULATE, how, "--for", "1h", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def report_of(process: subprocess.Popen[str]) -> str:
    """Return what a simulation has printed that Ctrl-C has ended."""
    printed, said = process.communicate(timeout=MAX_SECONDS)
    assert process.returncode == INTERRUPTED, said
    assert "Exception ignored" not in said
    assert said.endswith("payments: ended by Ctrl-C\n")
    return printed


def test_the_first_interrupt_ends_it_also_where_python_ignores_exceptions() -> None:
    with simulating("lost") as process:
        assert "1 seed from 1, commit" in report_of(process)


@pytest.mark.parametrize("options", [(), ("--jobs", "2"), ("--guided",)])
def test_an_interrupted_run_prints_the_report_so_far(options: tuple[str, ...]) -> None:
    with simulating("later", *options) as process:
        assert process.stderr is not None
        for _ in range(3):
            assert process.stderr.readline()
        process.send_signal(signal.SIGINT)
        printed = report_of(process)
    assert "every promise was kept" in printed
    assert "injected faults" in printed


def is_running(process: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    command = ["ps", "-o", "stat=", "-p", str(process)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60.0, check=False)
    return shown.stdout.strip()[:1] not in ("", "Z")


def test_processes_end_with_the_one_that_has_started_them() -> None:
    workers = set[int]()
    with simulating("later", "--jobs", "2") as process:
        assert process.stderr is not None
        while len(workers) < 2:
            line = process.stderr.readline()
            assert line, "it has ended"
            workers.update(map(int, line.split()))  # the progress has empty lines
        process.kill()
    assert process.pid not in workers
    assert eventually(lambda: not any(map(is_running, workers)), MAX_SECONDS)
