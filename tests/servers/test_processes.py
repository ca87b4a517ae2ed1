"""A server's process ends with its owner. tests/demo runs both servers as a non-root user."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments_kit.servers.processes import LocalServerError, SupervisedProcess, User
from tests.servers.owner_program import (
    MAX_SECONDS,
    are_gone,
    eventually,
    processes_in,
    start_both,
)


@pytest.fixture
def process() -> Iterator[SupervisedProcess]:
    process = SupervisedProcess("test", None, User.current(), signal.SIGTERM)
    yield process
    process.release()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_a_signal_ends_the_owner(end: signal.Signals) -> None:
    command = start_both(afterwards="time.sleep(600)")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        try:
            assert owner.stdout is not None
            result, *folders = owner.stdout.readline().split()
            assert result == "42"
            assert all(processes_in(folder) for folder in folders)
            owner.send_signal(end)
            owner.wait(MAX_SECONDS)
        finally:
            owner.kill()
    assert eventually(lambda: are_gone(folders), MAX_SECONDS)


def test_nothing_is_left_when_the_owner_ends_before_its_forked_child() -> None:
    fork = "import os, signal; os.fork() or time.sleep(600); os.kill(os.getpid(), signal.SIGKILL)"
    command = start_both(before="import os; os.setpgid(0, 0)", afterwards=f"exec({fork!r})")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        _, *folders = owner.stdout.readline().split()
        owner.wait(MAX_SECONDS)
        try:
            assert eventually(lambda: are_gone(folders), MAX_SECONDS)
        finally:
            os.killpg(owner.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("command", "timeout", "error"),
    [
        (["sh", "-c", "echo out of memory; exit 3"], MAX_SECONDS, "(?s)exit code 3.*out of memory"),
        (["no-such-program"], MAX_SECONDS, "no-such-program"),
        (["sleep", "600"], 0.2, r"(?s)did not end within 0.2 s.*the log is empty"),
    ],
)
def test_the_error_of_a_failed_command_explains_it(
    process: SupervisedProcess, command: list[str], timeout: float, error: str
) -> None:
    with pytest.raises(LocalServerError, match=error):
        process.run(command, timeout)


def test_a_process_that_ignores_the_signal_is_killed(process: SupervisedProcess) -> None:
    ignore = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    process.start([sys.executable, "-c", f"{ignore}; time.sleep(600)"])
    process.wait_until(lambda: process.log.read_text() == "1\n", MAX_SECONDS, "start")
    process.stop(signal.SIGTERM, timeout=0.1)
    assert process.exit_code() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child of a killed parent")
def test_the_server_ends_even_if_its_supervisor_is_killed(process: SupervisedProcess) -> None:
    pid = process.start(["sleep", "600"], MARK=str(process.folder))
    # The second field after the name, which may contain spaces, is the parent (proc(5)).
    supervisor = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
    assert pid in processes_in(str(process.folder))
    os.kill(int(supervisor), signal.SIGKILL)
    assert eventually(lambda: not processes_in(str(process.folder)), MAX_SECONDS)
    shutil.rmtree(process.folder)


def test_a_missing_supervisor_is_an_error(process: SupervisedProcess) -> None:
    process.release()
    with pytest.raises(LocalServerError, match="supervisor of test ended"):
        process.start(["true"])


def test_another_user_cannot_enter_a_closed_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    other = User(uid=os.geteuid() + 12345, gid=os.getegid() + 12345)
    assert not other.can_enter(tmp_path / "inside")
    assert User.current().can_enter(tmp_path / "inside")
