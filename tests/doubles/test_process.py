"""A double as a process prints its address, and ends with the process that started it."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOUBLES = ["stripe", "paypal"]


def command(double: str) -> list[str]:
    return [sys.executable, "-m", f"payments_kit.doubles.{double}"]


@pytest.mark.parametrize(("double", "how"), [("stripe", "stdin"), ("paypal", "signal")])
def test_it_prints_its_address_and_ends_on_request(double: str, how: str, tmp_path: Path) -> None:
    dump = tmp_path / "ledger.json"
    arguments = [*command(double), "--dump", str(dump)]
    with subprocess.Popen(
        arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        started = json.loads(process.stdout.readline())
        assert started["pid"] == process.pid
        with urllib.request.urlopen(f"{started['url']}/_double/ledger") as reply:
            assert json.load(reply)["refunds"] == []
        if how == "signal":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.wait(60) == 0
    assert json.loads(dump.read_text())["refunds"] == []


def test_it_ends_with_its_parent() -> None:
    start = f"subprocess.Popen({command('stripe')}, stdin=subprocess.DEVNULL)"
    script = f"import subprocess, time; {start}; time.sleep(600)"
    arguments = [sys.executable, "-c", script]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert json.loads(parent.stdout.readline())["pid"] != parent.pid
        parent.kill()
        # The double holds the other end of stdout, which closes only when the double has ended.
        assert parent.communicate(timeout=60)[0] == b""


@pytest.mark.parametrize("double", DOUBLES)
def test_its_help_explains_its_options(double: str) -> None:
    arguments = [*command(double), "--help"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, check=True, text=True)
    assert all(option in done.stdout for option in ("--port", "--seed", "--dump"))


@pytest.mark.parametrize("double", DOUBLES)
def test_it_needs_no_test_library(double: str) -> None:
    program = f"import sys, payments_kit.doubles.{double}.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert not {"pytest", "hypothesis", "httpx", "stripe", "tests"} & set(done.stdout.split())
