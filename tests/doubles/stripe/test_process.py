"""The double as a process: it says where it is, and ends with whoever started it."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def start(*more: str) -> tuple[subprocess.Popen[bytes], Any]:
    process = subprocess.Popen(
        [sys.executable, "-m", "payments_kit.doubles.stripe", "--port", "0", *more],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


@pytest.mark.parametrize("how", ["stdin", "signal"])
def test_it_prints_its_address_and_ends_when_told(how: str, tmp_path: Path) -> None:
    process, said = start("--dump", str(tmp_path / "ledger.json"))
    with process:
        assert said["pid"] == process.pid
        with urllib.request.urlopen(f"{said['url']}/_double/ledger") as answer:
            assert json.load(answer)["charges"] == []
        if how == "signal":
            process.send_signal(signal.SIGTERM)
        elif process.stdin is not None:
            process.stdin.close()
        assert process.wait(5) == 0
    assert json.loads((tmp_path / "ledger.json").read_text())["refunds"] == []


def test_it_ends_with_its_parent() -> None:
    script = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-m', "
        "'payments_kit.doubles.stripe'], stdin=subprocess.DEVNULL); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        assert json.loads(parent.stdout.readline())["pid"] != parent.pid
        parent.kill()
        # The child holds the other end of stdout: it closes only when the child has ended.
        assert parent.communicate(timeout=10)[0] == b""
