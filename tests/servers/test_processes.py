"""A server's process ends with whoever started it, and it runs for anybody."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments_kit.servers.processes import LocalServerError, SupervisedProcess, User
from tests.servers.programs import (
    ENOUGH_SECONDS,
    ROOT,
    eventually,
    gone,
    processes_in,
    start_both,
)

# An immediate stop takes a tenth of a second; the promise is "within seconds".
GONE_WITHIN_SECONDS = 10.0


@pytest.fixture
def process() -> Iterator[SupervisedProcess]:
    process = SupervisedProcess("test", None, User.ourselves(), signal.SIGTERM)
    yield process
    process.release()


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_owner_ends_by(way: signal.Signals) -> None:
    sleeper = start_both(afterwards="time.sleep(600)")
    with subprocess.Popen(
        sleeper, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout is not None
        answer, *folders = owner.stdout.readline().split()
        assert answer == "42"
        assert all(processes_in(folder) for folder in folders)
        owner.send_signal(way)
        owner.wait(ENOUGH_SECONDS)
    assert eventually(lambda: all(map(gone, folders)), GONE_WITHIN_SECONDS)


def test_nothing_is_left_of_an_owner_whose_fork_lives_on() -> None:
    fork = "import os, signal; os.fork() or time.sleep(600); os.kill(os.getpid(), signal.SIGKILL)"
    forker = start_both(before="import os; os.setpgid(0, 0)", afterwards=f"exec({fork!r})")
    with subprocess.Popen(forker, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        _, *folders = owner.stdout.readline().split()
        owner.wait(ENOUGH_SECONDS)
        try:
            assert eventually(lambda: all(map(gone, folders)), GONE_WITHIN_SECONDS)
        finally:
            os.killpg(owner.pid, signal.SIGKILL)


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
def test_an_ordinary_user_can_start_both() -> None:
    nobody = User.unprivileged()
    # Root's own Python may lie in its home; the supervisor runs on any.
    pythons = (Path(sys.executable).resolve(), Path("/usr/bin/python3"))
    python = next((path for path in pythons if nobody.can_enter(path.parent)), None)
    if python is None or not nobody.can_enter(ROOT):
        pytest.skip("root keeps Python, or this checkout, where no other user can enter")
    becoming_nobody = f"""
import encodings.idna, os, sysconfig
sysconfig.get_paths()  # read while its file, part of root's own Python, can be
os.setgroups([])
os.setgid({nobody.gid})
os.setuid({nobody.uid})
sys.executable = {str(python)!r}
"""
    done = subprocess.run(
        start_both(before=becoming_nobody),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=ENOUGH_SECONDS,
    )
    assert done.stdout.startswith("42 "), done.stderr
    assert all(gone(folder) for folder in done.stdout.split()[1:])


def test_a_failed_command_shows_what_it_said(process: SupervisedProcess) -> None:
    with pytest.raises(LocalServerError, match=r"(?s)exit code 3.*out of luck"):
        process.run(["sh", "-c", "echo out of luck; exit 3"], timeout=ENOUGH_SECONDS)


def test_a_missing_program_is_named(process: SupervisedProcess) -> None:
    with pytest.raises(LocalServerError, match="no-such-program"):
        process.run(["no-such-program"], timeout=ENOUGH_SECONDS)


def test_a_late_one_is_an_error_with_its_log(process: SupervisedProcess) -> None:
    with pytest.raises(LocalServerError, match=r"(?s)within 0.2 s.*still thinking"):
        process.run(["sh", "-c", "echo still thinking; exec sleep 600"], timeout=0.2)


def test_one_that_ignores_the_signal_is_killed(process: SupervisedProcess) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    process.start([sys.executable, "-c", f"{deaf}; time.sleep(600)"])
    process.wait_until(lambda: process.log.read_text() == "1\n", ENOUGH_SECONDS, "begin")
    process.stop(signal.SIGTERM, timeout=0.1)
    assert process.exit_code() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell a child of this")
def test_the_server_goes_even_when_its_supervisor_is_killed(process: SupervisedProcess) -> None:
    pid = process.start(["sh", "-c", "sleep 600", process.folder])
    # The second field after the name, which may hold blanks, is the parent (proc(5)).
    supervisor = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
    os.kill(int(supervisor), signal.SIGKILL)
    assert eventually(lambda: not processes_in(str(process.folder)), GONE_WITHIN_SECONDS)
    shutil.rmtree(process.folder)


def test_a_gone_supervisor_is_said(process: SupervisedProcess) -> None:
    process.release()
    with pytest.raises(LocalServerError, match="supervisor of test is gone"):
        process.start(["true"])


def test_no_one_enters_a_closed_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    inside = tmp_path / "inside"
    inside.mkdir()
    stranger = User(uid=os.geteuid() + 12345, gid=os.getegid() + 12345)
    assert not stranger.can_enter(inside)
    assert User.ourselves().can_enter(inside)
