"""A file that a command writes is there as a whole, or not at all."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from entrypoints.cli.output_files import written


def write_half(file: Path) -> None:
    with written(str(file)) as opened:
        opened.write("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_in_one_line_and_the_old_file_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "week.jsonl"
    file.write_text("of last week")
    with pytest.raises(SystemExit) as ended:
        write_half(file)
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"payments: {file} cannot be written: No space left on device; nothing was written\n"
    )
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [
        ("week.jsonl", "of last week")
    ]


def test_a_link_stays_a_link_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "week.jsonl", tmp_path / "newest.jsonl"
    file.write_text("of last week")
    link.symlink_to(file.name)
    with written(str(link)) as opened:
        opened.write("of this week")
        assert file.read_text() == "of last week"
    assert link.is_symlink()
    assert (file.read_text(), link.read_text()) == ("of this week", "of this week")
    assert len(list(tmp_path.iterdir())) == 2


WAITING = """
import asyncio, signal, sys
from entrypoints.cli.output_files import written
from entrypoints.cli.running import run

async def wait():
    print("waiting", flush=True)
    await asyncio.sleep(60)

for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, signal.default_int_handler if each is signal.SIGINT else signal.SIG_DFL)
with written(sys.argv[1]) as opened:
    opened.write("half")
    run(wait())
"""


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, 128 + signal.SIGINT),
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGHUP, -signal.SIGHUP),
    ],
)
def test_a_signal_that_ends_a_command_leaves_no_part_of_a_file(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    file = tmp_path / "week.jsonl"
    file.write_text("of last week")
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, str(file)], stdout=subprocess.PIPE, text=True
    ) as command:
        try:
            assert command.stdout is not None
            assert command.stdout.readline() == "waiting\n"
            assert len([*tmp_path.iterdir()]) == 2
            command.send_signal(number)
            assert command.wait(timeout=30) == status
        finally:
            command.kill()
    assert [each.name for each in tmp_path.iterdir()] == ["week.jsonl"]
    assert file.read_text() == "of last week"
