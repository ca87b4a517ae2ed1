"""A test run that is terminated or killed leaves no server behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.owner_program import MAX_SECONDS, ROOT, are_gone, eventually, processes_in

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux signals a child of a killed parent"
)

# A shell starts its background commands with SIGINT ignored, and so they start theirs.
RUN = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""
PYTEST = [sys.executable, "-c", RUN, "-n", "1", "-p", "no:cacheprovider"]

# What make is to pytest.
MAKE = """
import os, subprocess, sys
subprocess.run(sys.argv[1:], env=os.environ | {"END_WITH_PROCESS": str(os.getpid())})
"""
PARENT = [sys.executable, "-c", MAKE]


@linux_only
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_a_signal_ends_the_test_run(
    end: signal.Signals, tmp_path: Path
) -> None:
    assert_nothing_is_left(tmp_path / "folder", PYTEST, end)


@linux_only
def test_nothing_is_left_when_the_make_is_killed_that_has_started_the_test_run(
    tmp_path: Path,
) -> None:
    assert_nothing_is_left(tmp_path / "folder", [*PARENT, *PYTEST], signal.SIGKILL)


def test_a_test_run_whose_make_was_killed_before_does_not_begin() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as make:
        make.wait()
    done = subprocess.run(
        [*PYTEST, "tests/servers/interrupted_run.py"],
        cwd=ROOT,
        env=os.environ | {"END_WITH_PROCESS": str(make.pid)},
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
        check=False,
    )
    assert "make was killed" in done.stdout + done.stderr


def assert_nothing_is_left(folder_file: Path, command: list[str], end: signal.Signals) -> None:
    with subprocess.Popen(
        [*command, "tests/servers/interrupted_run.py"],
        cwd=ROOT,
        env=os.environ | {"FOLDER_FILE": str(folder_file)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as run:
        try:
            assert eventually(lambda: is_written(folder_file), MAX_SECONDS)
            folder = folder_file.read_text()
            assert processes_in(folder)
            run.send_signal(end)
            run.wait(MAX_SECONDS)
        finally:
            run.kill()
    assert eventually(lambda: are_gone([folder]), MAX_SECONDS)
    assert eventually(lambda: not processes_in(str(folder_file)), MAX_SECONDS)


def is_written(file: Path) -> bool:
    return file.exists() and file.read_text() != ""
