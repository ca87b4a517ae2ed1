"""Install the locked requirements and the project itself into .venv, once, with its progress."""

import fcntl
import hashlib
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"

# Nobody waits for longer than this without a line.
PROGRESS_SECONDS = 5.0


class Progress:
    """Prints a line every few seconds while pip works."""

    def __init__(self, total: int, seconds: float = PROGRESS_SECONDS) -> None:
        self.total = total
        self.seconds = seconds
        self.started = self.shown = time.monotonic()

    @classmethod
    def of(cls, requirements: Path) -> "Progress":
        """Expect the packages of this file; some are for other systems only."""
        return cls(len(re.findall(r"^[\w.-]+==", requirements.read_text(), re.MULTILINE)))

    def show(self, output: bytes) -> None:
        """Print how far pip is, unless the last line is too recent."""
        now = time.monotonic()
        if now - self.shown < self.seconds:
            return
        self.shown = now
        collected = len(re.findall(rb"^Collecting ", output, re.MULTILINE))
        state = f"{collected} of about {self.total} packages are here"
        if b"\nInstalling collected packages" in output:
            state = "all packages are here and are being unpacked"
        print(f"  {now - self.started:3.0f} s: {state}", flush=True)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait for another installation in this checkout.

    The lock ends with this process and with pip, which may outlive it for a while.
    """
    with Path(__file__).open() as lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another installation in this folder …", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def save_state(name: str, value: str) -> None:
    """Save what was done, so that it is not repeated."""
    (VENV / name).write_text(value)


def load_state(name: str) -> str | None:
    """Return what was saved, if anything."""
    path = VENV / name
    return path.read_text() if path.exists() else None


def run(*command: str | Path, progress: Progress | None = None) -> None:
    """Run a command; print its progress, or if it fails, its output, and exit."""
    output = b""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        close_fds=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        while process.stdout is not None:
            ready, _, _ = select.select([process.stdout], [], [], PROGRESS_SECONDS)
            chunk = os.read(process.stdout.fileno(), 65536) if ready else None
            if chunk == b"":
                break
            output += chunk or b""
            if progress is not None:
                progress.show(output)
    if process.returncode != 0:
        text = output.decode(errors="replace")
        sys.exit(f"{text}\nThe installation failed at: {' '.join(map(str, command))}")


def main() -> None:
    """Make .venv match the requirements."""
    interpreter = f"{sys.base_prefix} {sys.version} {ROOT}"
    inputs = (REQUIREMENTS, ROOT / "pyproject.toml")
    contents = hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()
    with one_at_a_time():
        if load_state(".interpreter") != interpreter:
            # Another Python or a moved checkout: the scripts in .venv would not run.
            print(f"Creating {VENV.name} …", flush=True)
            run(sys.executable, "-m", "venv", "--clear", VENV)
            save_state(".interpreter", interpreter)
        if load_state(".installed") != contents:
            print("Installing the requirements, a minute or two the first time:", flush=True)
            pip = (PYTHON, "-m", "pip", "install", "--progress-bar=off")
            pip += ("--disable-pip-version-check",)
            run(*pip, "--require-hashes", "-r", REQUIREMENTS, progress=Progress.of(REQUIREMENTS))
            print("Installing the project …", flush=True)
            run(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT)
            save_state(".installed", contents)
