"""The command `payments`: its help, and one line for each error."""

import contextlib
import os
import pwd
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from entrypoints.cli import main
from entrypoints.cli.extensions import ExtensibleGroup
from entrypoints.cli.running import system_user
from entrypoints.composition import operator

# Port 1 is tcpmux, which no machine offers today.
UNREACHABLE = {
    "DATABASE_URL": "postgresql://shop:hunter2@127.0.0.1:1/shop",
    "NATS_URL": "nats://shop:hunter2@127.0.0.1:1",
    "JWT_KEY": "hunter2",
    "PAYMENT_GATEWAY": "fake",
}


def run(
    *arguments: str, environment: Mapping[str, str] = UNREACHABLE, group: click.Group = main
) -> Result:
    unset = dict.fromkeys((*UNREACHABLE, "JWKS_URL", "STRIPE_KEY"))
    return CliRunner().invoke(group, arguments, env={**unset, **environment})


def error_line(result: Result) -> str:
    """Return the only line that a failed command has printed."""
    assert result.exit_code == 1
    assert "hunter2" not in result.output
    (line,) = result.output.splitlines()
    return line


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    """Return every command of a group with its subcommands, as they are typed."""
    context, found = click.Context(group), list[tuple[str, ...]]()
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
    return found


@pytest.mark.parametrize("command", [(), *commands(main)], ids=" ".join)
def test_every_command_has_a_help(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4
    assert "Not available" not in result.output


@pytest.mark.parametrize("command", [(), *commands(main)], ids=" ".join)
def test_no_command_is_cut_off_in_a_list(command: tuple[str, ...]) -> None:
    usage, *lines = run(*command, "--help").output.splitlines()
    assert usage.startswith("Usage: ")
    assert [each for each in lines if each.endswith("...")] == []


def test_the_help_names_every_command_and_every_required_variable() -> None:
    text = run("--help").output
    for name in ("demo", "simulate", "serve", "worker", "dead-letters"):
        assert f"\n  {name} " in text
    for name in ("DATABASE_URL", "NATS_URL", "JWT_KEY", "STRIPE_KEY", "PAYMENT_GATEWAY"):
        assert name in text


@pytest.mark.parametrize("command", ["serve", "worker", "dead-letters list", "doctor"])
def test_every_missing_variable_is_named_in_a_line_of_its_own(command: str) -> None:
    result = run(*command.split(), environment={"STRIPE_KEY": "pk_test_hunter2"})
    assert result.exit_code == 1
    assert "hunter2" not in result.output
    expected = ["STRIPE_KEY: is a publishable key", "DATABASE_URL: is required", "NATS_URL: is req"]
    if command in ("serve", "doctor"):
        expected.append("JWT_KEY: is required unless JWKS_URL is set")
    for line, problem in zip(result.output.splitlines(), expected, strict=True):
        assert problem in line


def test_a_migration_needs_the_database_only() -> None:
    assert "DATABASE_URL: is required" in error_line(run("migrate", environment={}))


def test_the_doctor_prints_one_line_for_each_problem() -> None:
    result = run("doctor")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0].startswith("✓ configuration")
    assert lines[1].startswith("! configuration  JWT_KEY: can be guessed")
    assert all(line.startswith(("✓ ", "! ", "✗ ")) for line in lines)
    problems = [line.split()[1] for line in lines if line.startswith("✗")]
    assert problems == ["database", "nats", "gateway"]
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        ("migrate", "DATABASE_URL"),
        ("outbox republish --since 2026-01-01", ""),
        ("dead-letters list", ""),
        ("dead-letters show 1", ""),
        ("dead-letters replay --all", ""),
        ("notifications list", ""),
        ("notifications show 1", ""),
        ("notifications replay --all", ""),
        ("notifications discard 1", ""),
        ("capture payment-1 --amount 1", ""),
        ("void payment-1", ""),
        ("refund payment-1 --reason broken", ""),
    ],
)
def test_an_unreachable_server_is_reported_in_one_line(command: str, variable: str) -> None:
    environment = {name: UNREACHABLE[name] for name in UNREACHABLE if variable in name}
    line = error_line(run(*command.split(), environment=environment))
    assert line.startswith("payments: ")
    assert "connection refused" in line


def test_events_are_published_again_since_a_time_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime] = []

    class Outbox:
        async def republish(self, since: datetime) -> int:
            asked.append(since)
            return 7

    monkeypatch.setattr(operator, "open_outbox", lambda _: contextlib.nullcontext(Outbox()))
    result = run("outbox", "republish", "--since", "2026-01-31T12:00:00")
    assert (result.exit_code, result.output) == (0, "7 events will be published again\n")
    assert asked == [datetime(2026, 1, 31, 12, tzinfo=UTC)]


def test_the_user_in_histories_is_the_system_s_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "another-user")
    assert system_user() == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_whom_the_system_has_no_name_for_is_named_by_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(_user: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert system_user() == str(os.getuid())


def test_a_replay_needs_either_numbers_or_all() -> None:
    for command in ("dead-letters", "notifications"):
        assert run(command, "replay").exit_code == 2
        assert run(command, "replay", "1", "--all").exit_code == 2


def test_what_cannot_be_asked_of_a_payment_is_said_before_anything_is_opened() -> None:
    assert error_line(run("capture", "a/b")) == "payments: there is no payment 'a/b'"
    for arguments in (
        *(["capture"], ["capture", "p", "--amount", "0"], ["capture", "p", "--amount", "1.5"]),
        *(["refund", "p"], ["refund", "p", "--reason", ""], ["void", "p", "--reason", "x" * 256]),
    ):
        assert run(*arguments).exit_code == 2, arguments


def test_commands_of_other_packages_are_loaded_and_broken_ones_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_commands.py").write_text(
        "import click\n@click.command()\ndef works(): click.echo('it works')\n"
    )
    (tmp_path / "shop-1.dist-info").mkdir()
    (tmp_path / "shop-1.dist-info" / "entry_points.txt").write_text(
        "[payments.commands]\n"
        "works = shop_commands:works\nabsent = absent_module:command\nwrong = os:sep\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    group = ExtensibleGroup()
    assert run("works", group=group).output == "it works\n"
    absent = error_line(run("absent", "--once", "1", group=group))
    assert absent == "payments: absent is not available: No module named 'absent_module'"
    wrong = error_line(run("wrong", group=group))
    assert wrong == "payments: wrong is not available: os:sep is not a command"
    assert "Not available: No module named 'absent_module'" in run("--help", group=group).output
    assert run("unknown", group=group).exit_code == 2
