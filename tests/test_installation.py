"""`make install`: an unsuitable Python is named first, and the work shows its progress."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent.parent / "requirements"
# Replaces the version before the file runs, as `make PYTHON=python3.9` would.
OLD = """
import runpy, sys
sys.version_info, sys.version = (3, 9, 18), "3.9.18 (main)"
runpy.run_path(sys.argv[1], run_name="__main__")
"""
# Prints what pip prints.
PIP = """
import sys
for line in ("Collecting one==1", "Collecting two==2", "Installing collected packages: one, two"):
    print(line, flush=True)

sys.exit(int(sys.argv[1]))
"""


def test_an_old_python_is_told_which_one_is_needed() -> None:
    install = FOLDER / "install.py"
    done = subprocess.run(
        [sys.executable, "-c", OLD, install], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "Python 3.11 or newer is needed, and this is Python 3.9.18:"
        " run `make PYTHON=python3.12 ...`\n"
    )
    ast.parse(install.read_text(), feature_version=(3, 4))


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("installation")


def test_progress_counts_packages_and_names_the_last_phase(
    installation: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    requirements = tmp_path / "dev.txt"
    requirements.write_text("# by uv\none==1 \\\n    --hash=sha256:00\n    # via two\ntwo==2 \\\n")
    progress = installation.Progress.of(requirements)
    progress.seconds = 0.0
    for output in (b"", b"Collecting one==1\n  Using", b"\nInstalling collected packages: one"):
        progress.show(output)
    lines = [line.partition("s: ")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "0 of about 2 packages are here",
        "1 of about 2 packages are here",
        "all packages are here and are being unpacked",
    ]


def test_no_second_line_follows_soon(
    installation: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = installation.Progress(2, seconds=float("inf"))
    progress.show(b"Collecting one==1\n")
    assert capsys.readouterr().out == ""


def test_the_output_of_a_command_is_printed_only_if_it_fails(
    installation: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.run(sys.executable, "-c", PIP, "0")
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit) as caught:
        installation.run(sys.executable, "-c", PIP, "1")
    assert "Collecting two==2" in str(caught.value)
    assert "The installation failed at: " in str(caught.value)
