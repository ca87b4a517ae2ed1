"""Install the locked requirements and the project itself into .venv, once."""

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait for another installation in this checkout; a lock ends with its process."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def save_state(name: str, value: str) -> None:
    """Save what was done, so that it is not repeated."""
    (VENV / name).write_text(value)


def load_state(name: str) -> str | None:
    """Return what was saved, if anything."""
    path = VENV / name
    return path.read_text() if path.exists() else None


def run(*command: str | Path) -> None:
    """Run a command quietly; if it fails, print its output and exit."""
    result = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode != 0:
        sys.exit(f"{result.stdout}\nThe installation failed at: {' '.join(map(str, command))}")


def main() -> None:
    """Make .venv match the requirements."""
    if sys.version_info < (3, 11):  # noqa: UP036 - make may run with an older one
        version = sys.version.split()[0]
        sys.exit(f"Python 3.11 or newer is needed, this is {version}: make PYTHON=python3.12 …")
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
            print("Installing the requirements, half a minute the first time …", flush=True)
            pip = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            run(*pip, "--require-hashes", "-r", REQUIREMENTS)
            run(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT)
            save_state(".installed", contents)


if __name__ == "__main__":
    main()
