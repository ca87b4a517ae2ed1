"""The command: help worth reading, and one line where something is wrong."""

import subprocess
import sys
from collections.abc import Mapping

import click
import pytest
from click.testing import CliRunner, Result

from entrypoints.cli import main

# Nothing listens there: TCP port 1 is tcpmux, which nobody runs.
NOWHERE = {
    "DATABASE_URL": "postgresql://shop:hunter2@127.0.0.1:1/shop",
    "NATS_URL": "nats://shop:hunter2@127.0.0.1:1",
    "JWT_KEY": "hunter2",
    "PAYMENT_GATEWAY": "fake",
}


def run(*words: str, environment: Mapping[str, str] = NOWHERE) -> Result:
    unset = dict.fromkeys((*NOWHERE, "JWKS_URL", "STRIPE_KEY"))
    return CliRunner().invoke(main, words, env={**unset, **environment})


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    """Every command below a group, by the words that call it."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
    return found


@pytest.mark.parametrize("words", [(), *commands(main)])
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4


def test_the_help_names_every_required_variable() -> None:
    help_text = run("--help").output
    for name in ("DATABASE_URL", "NATS_URL", "JWT_KEY", "STRIPE_KEY", "PAYMENT_GATEWAY"):
        assert name in help_text


@pytest.mark.parametrize(
    "words", [("serve",), ("worker",), ("migrate",), ("dead-letters", "list"), ("doctor",)]
)
def test_a_missing_variable_stops_a_command_with_one_line(words: tuple[str, ...]) -> None:
    result = run(*words, environment={})
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "DATABASE_URL: is required" in line


def test_a_migration_needs_nothing_but_the_database() -> None:
    result = run("migrate", environment={"DATABASE_URL": NOWHERE["DATABASE_URL"]})
    assert result.exit_code == 1
    assert "ConnectionRefusedError" in result.output


def test_the_doctor_says_in_a_line_each_what_is_wrong() -> None:
    result = run("doctor")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0].startswith("✓ configuration")
    wrong = [line for line in lines if line.startswith("✗")]
    assert [line.split()[1] for line in wrong] == ["database", "nats", "gateway"]
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("migrate",),
        ("dead-letters", "list"),
        ("dead-letters", "show", "1"),
        ("dead-letters", "replay", "--all"),
        ("outbox", "republish", "--since", "2026-01-01"),
    ],
)
def test_an_absent_server_is_said_in_one_line(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("payments: ")
    assert "hunter2" not in line


def test_a_replay_wants_to_know_what() -> None:
    assert run("dead-letters", "replay").exit_code == 2
    assert run("dead-letters", "replay", "1", "--all").exit_code == 2


def test_the_help_needs_no_heavy_library() -> None:
    heavy = ("stripe", "sqlalchemy", "litestar", "nats", "granian", "alembic")
    program = f"import sys, entrypoints.cli; print([n for n in {heavy!r} if n in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.strip() == "[]"
