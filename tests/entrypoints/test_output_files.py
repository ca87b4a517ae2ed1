"""A file that a command writes is there as a whole, or not at all."""

import errno
import os
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
