"""Do what docs/tutorial.md says, and compare what is printed with what it shows."""

import re
import subprocess
import sysconfig
from collections.abc import Mapping
from os import environ
from pathlib import Path

from tests.demo.demo_process import MAX_RUN_SECONDS, Page, Workspace

_TEXT = (Path(__file__).parents[2] / "docs/tutorial.md").read_text()
_BLOCKS = re.findall(r"```(sh|text)\n(.*?)```", _TEXT, re.S)
_ADDRESS = "http://127.0.0.1:8080"
_END = "----- end of a block -----"


def follow(page: Page, workspace: Workspace, servers: Mapping[str, str]) -> None:
    """Run every block of commands in one shell, in the folder of a running demo."""
    script, shown = ["set -eu"], list[str]()
    for kind, block in _BLOCKS:
        if kind == "sh":
            script += [block.replace(_ADDRESS, page.address), f"echo; echo '{_END}'"]
            shown.append("…")
        else:
            shown[-1] = block
    path = f"{sysconfig.get_path('scripts')}:{environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=workspace.folder,
        env={"PATH": path, "TMPDIR": str(workspace.folder / "tmp"), **servers},
        capture_output=True,
        text=True,
        check=False,
        timeout=MAX_RUN_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *printed, _ = done.stdout.split(_END)
    assert len(printed) == len(shown)
    for expected, text in zip(shown, printed, strict=True):
        pattern = ".*".join(map(re.escape, expected.strip().split("…")))
        assert re.fullmatch(pattern, text.strip(), re.S), (expected, text)
