"""Shell commands, run as a reader of the guide would run them."""

import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.forks import Fork

ROOT = Path(__file__).parent.parent.parent
GUIDE = ROOT / "docs" / "gateways.md"
EXAMPLES = ROOT / "docs" / "examples"
DOUBLE = "tillpay_double.py"

# A run of the kit takes twenty seconds on a quiet machine: requests without an answer do.
RUN_SECONDS = 600.0

# TCP port 1 (tcpmux) has no listener.
ENVIRONMENT = {
    "DATABASE_URL": "postgresql://shop:hunter2@127.0.0.1:1/shop",
    "NATS_URL": "nats://127.0.0.1:1",
    "JWT_KEY": "hunter2-9b1de0c7f35a48d2e6",
    "COLUMNS": "120",
    # Plugins of our tests, which a reader need not have; to load them takes a third of a run.
    "PYTEST_ADDOPTS": "-p no:hypothesispytest -p no:faker -p no:anyio -p no:xdist"
    " -p no:schemathesis",
    "PATH": f"{sysconfig.get_path('scripts')}:/usr/bin:/bin",
}


def run(command: str, folder: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command with all its output in stdout; PYTHONPATH is `path`, else the folder."""
    return subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT | {"PYTHONPATH": str(path or folder)},
        shell=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )


def run_kit(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `pytest …` in a folder, in a fork that has imported pytest, with all output in stdout."""
    log = folder / "output"
    arguments = shlex.split(command)[1:]
    fork = Fork.start(
        "tests.conformance.shell:run_pytest",
        {"arguments": arguments},
        (log, log),
        environment=ENVIRONMENT,
        folder=folder,
    )
    try:
        code = fork.join(RUN_SECONDS)
    finally:
        fork.kill()
    return subprocess.CompletedProcess(arguments, code, log.read_text())


def run_pytest(arguments: list[str]) -> None:
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(pytest.main(arguments))
