"""The Dockerfile, without Docker: hadolint's rules, and what it copies from this project."""

import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

from tests.deploy.dockerfile import DOCKERFILE, ROOT, is_sent, read_stages

BUILD, FINAL = read_stages()
HADOLINT = Path(sysconfig.get_path("scripts")) / "hadolint"
COPIED = [each for copy in BUILD.all("COPY") for each in copy.words[:-1]]


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [HADOLINT, DOCKERFILE], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_base_has_a_version() -> None:
    assert re.fullmatch(r"debian:\d+\.\d+-slim(@sha256:[0-9a-f]{64})?", BUILD.base)
    assert FINAL.base == "scratch"


def test_every_library_is_checked_against_its_hash() -> None:
    text = " ".join(each.arguments for each in BUILD.all("RUN"))
    installs = re.findall(r"(?:pip|python) install [^&]*", text)
    assert len(installs) == 3
    for each in installs:
        assert "--require-hashes" in each or "--no-index" in each, each


def test_it_copies_every_package_and_nothing_else_is_sent() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) <= set(COPIED)
    assert all((ROOT / each).exists() and is_sent(each) for each in COPIED)
    left_out = (
        ".git",
        ".env",
        ".venv",
        "tests",
        "docs",
        "deploy/compose.yaml",
        "requirements/dev.txt",
    )
    assert [each for each in left_out if is_sent(each)] == []


@pytest.mark.parametrize("path", ["domain/__pycache__/order.cpython-313.pyc", "domain/x.pyc"])
def test_bytecode_of_this_machine_is_not_sent(path: str) -> None:
    assert not is_sent(path)


def test_the_process_is_not_root_and_no_shell_is_in_between() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", FINAL.one("USER").arguments)
    assert FINAL.one("ENTRYPOINT").arguments == '["payments"]'
    assert FINAL.one("CMD").arguments.startswith("[")
