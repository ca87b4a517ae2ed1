"""A test run that is terminated or killed leaves no server behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.owner_program import MAX_SECONDS, ROOT, are_gone, eventually, processes_in


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child of a killed parent")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_a_signal_ends_the_test_run(
    end: signal.Signals, tmp_path: Path
) -> None:
    folder_file = tmp_path / "folder"
    # A shell starts its background commands with SIGINT ignored, and so they start theirs.
    interruptible = (
        "import signal, sys, pytest;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "sys.exit(pytest.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", interruptible, "-n", "1", "-p", "no:cacheprovider"]
    with subprocess.Popen(
        [*command, "tests/servers/interrupted_run.py"],
        cwd=ROOT,
        env=os.environ | {"FOLDER_FILE": str(folder_file)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as run:
        try:
            assert eventually(lambda: folder_file.exists() and folder_file.read_text() != "", 60.0)
            folder = folder_file.read_text()
            assert processes_in(folder)
            run.send_signal(end)
            run.wait(MAX_SECONDS)
        finally:
            run.kill()
    assert eventually(lambda: are_gone([folder]), MAX_SECONDS)
    assert eventually(lambda: not processes_in(str(folder_file)), MAX_SECONDS)
