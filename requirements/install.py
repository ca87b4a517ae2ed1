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
    """Wait for another installation in this checkout; a dead one holds no lock."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remember(what: str, value: str) -> None:
    """Note what has been done, so that it is done once."""
    (VENV / what).write_text(value)


def recall(what: str) -> str | None:
    """What had been noted, if anything."""
    note = VENV / what
    return note.read_text() if note.exists() else None


def run(*command: str | Path) -> None:
    """Run quietly; on a failure show everything that was said, and stop."""
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nInstalling failed at: {' '.join(map(str, command))}")


def main() -> None:
    """Bring .venv to what the requirements say."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs make may have an older one
        version = sys.version.split()[0]
        sys.exit(f"Python 3.11 or newer is needed, this is {version}: make PYTHON=python3.12 …")
    interpreter = f"{sys.base_prefix} {sys.version} {ROOT}"
    inputs = (REQUIREMENTS, ROOT / "pyproject.toml")
    contents = hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()
    with one_at_a_time():
        if recall(".interpreter") != interpreter:
            # Another Python, or a moved checkout: the scripts inside would point elsewhere.
            print(f"Making {VENV.name} …", flush=True)
            run(sys.executable, "-m", "venv", "--clear", VENV)
            remember(".interpreter", interpreter)
        if recall(".installed") != contents:
            print("Installing the requirements, half a minute the first time …", flush=True)
            pip = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            run(*pip, "--require-hashes", "-r", REQUIREMENTS)
            run(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT)
            remember(".installed", contents)


if __name__ == "__main__":
    main()
