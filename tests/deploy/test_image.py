"""The image, built by the Dockerfile's own steps in a chroot: its size, and that it works.

Every process runs as the image's user, on a read-only root file system, without HOME.
"""

import shutil
import signal
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.processes import SupervisedProcess, User, free_port
from tests.deploy import image as building
from tests.deploy.dockerfile import read_stages

FINAL = read_stages()[1]
MAX_MEGABYTES = 150.0
COMMAND_SECONDS = 300.0

# Binds the folder onto itself, read-only, for this process and its children alone.
READ_ONLY = '{mount} --bind "$0" "$0" && {mount} -o remount,bind,ro "$0" && exec {chroot} "$@"'

pytestmark = pytest.mark.deep


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := building.why_not():
        pytest.skip(reason)
    return building.build(tmp_path_factory.mktemp("image"))


def command(image: Path, arguments: str, environment: dict[str, str]) -> list[str]:
    """Return the command that does what a container would, with these variables and no others."""
    paths = {name: shutil.which(name) for name in ("mount", "chroot", "unshare", "sh")}
    variables = [*FINAL.one("ENV").words, *(f"{name}={each}" for name, each in environment.items())]
    user = f"--userspec={FINAL.one('USER').arguments}"
    return [
        *("env", "-i", *variables),
        *(f"{paths['unshare']}", "--mount", f"{paths['sh']}", "-c", READ_ONLY.format_map(paths)),
        *(str(image), user, str(image), *FINAL.one("ENTRYPOINT").words, *arguments.split()),
    ]


def run(image: Path, arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = command(image, arguments, environment)
    return subprocess.run(
        program, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )


def test_the_image_is_small_and_has_no_shell(image: Path) -> None:
    assert building.megabytes(image) < MAX_MEGABYTES
    assert not [each for each in ("bin/sh", "usr/bin/apt") if (image / each).exists()]
    assert not list(image.rglob("nats-server")) + list(image.rglob("pip"))


def test_the_commands_work_without_writing_anything(image: Path) -> None:
    assert "payments serve" in run(image, "--help").stdout
    missing = run(image, "serve")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("payments: DATABASE_URL: is required\n")


def test_it_migrates_serves_works_and_stops_on_sigterm(image: Path) -> None:
    with LocalPostgres(fsync=False) as postgres, LocalNats() as broker:
        port, worker_port = free_port(), free_port()
        variables = {
            "DATABASE_URL": postgres.create_database("shop"),
            "NATS_URL": broker.url,
            "JWT_KEY": "a-key-of-the-test-0123456789",
            "PAYMENT_GATEWAY": "fake",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WORKER_PORT": str(worker_port),
            "DRAIN_SECONDS": "0",
        }
        migrated = run(image, "migrate", DATABASE_URL=variables["DATABASE_URL"])
        assert migrated.returncode == 0, migrated.stderr
        with ExitStack() as stack:
            processes = {}
            for name, ready in (("serve", "listening"), ("worker", "worker started")):
                process = SupervisedProcess(name, None, User.current(), signal.SIGKILL)
                stack.callback(process.release)
                process.start(command(image, name, variables))
                await_log(process, ready)
                processes[name] = process
            doctor = run(image, "doctor", **variables)
            assert doctor.returncode == 0, doctor.stdout
            for process in processes.values():
                process.signal(signal.SIGTERM)
                process.wait_until(partial(has_ended, process), COMMAND_SECONDS, "end")
                assert process.exit_code() == 0, process.with_log_tail("failed")


def has_ended(process: SupervisedProcess) -> bool:
    return not process.is_running()


def await_log(process: SupervisedProcess, text: str) -> None:
    def has_logged() -> bool:
        return text in process.log.read_text() or has_ended(process)

    process.wait_until(has_logged, COMMAND_SECONDS, "start")
    assert process.is_running(), process.with_log_tail("did not start")
