"""Follow the Dockerfile without Docker: its base by debootstrap, its steps in a chroot.

`python -m tests.deploy.image FOLDER` leaves the root file system of the image in `FOLDER/runtime`.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.deploy.dockerfile import ROOT, Instruction, is_sent, read_stages

_SUITES: Final = {"12": "bookworm", "13": "trixie"}

# A mirror and a package index that are slow, on a machine that is busy.
STEP_SECONDS: Final = 1800.0


def why_not() -> str | None:
    """Return why no image can be built here; None if it can."""
    if os.geteuid() != 0:
        return "only root can use chroot"
    missing = [each for each in ("debootstrap", "chroot", "unshare") if not shutil.which(each)]
    return f"{', '.join(missing)} is not installed" if missing else None


def build(folder: Path) -> Path:
    """Build the image; return the folder of its root file system."""
    stage, final = read_stages()
    root, work = folder / "build", stage.one("WORKDIR").arguments
    apt, *steps = stage.all("RUN")
    packages = re.findall(r"(?<=install )(?:--\S+ )*([^&]*)", apt.arguments)[0].split()
    suite = _SUITES[re.findall(r"debian:(\d+)", stage.base)[0]]
    _run("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, str(root))
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    if authorities := os.environ.get("PIP_CERT"):
        shutil.copyfile(authorities, root / "authorities.crt")
    (root / work.removeprefix("/")).mkdir()
    for each in stage.instructions:
        if each.name == "COPY":
            _copy(each, root / work.removeprefix("/"))
        elif each in steps:
            _run_in(root, work, *stage.one("SHELL").words, each.arguments)
    copied = final.one("COPY").words
    assert copied[-1] == "/"
    return root / copied[-2].strip("/")


def _copy(instruction: Instruction, target: Path) -> None:
    *sources, name = instruction.words
    for source in sources:
        found, into = ROOT / source, target / name
        if found.is_dir():
            shutil.copytree(found, into, ignore=_ignored)
        else:
            into.mkdir(exist_ok=True)
            shutil.copy(found, into)


def _ignored(folder: str, names: list[str]) -> set[str]:
    relative = Path(folder).relative_to(ROOT)
    return {each for each in names if not is_sent(str(relative / each))}


def _run_in(root: Path, work: str, *command: str) -> None:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
    if (root / "authorities.crt").exists():
        environment["PIP_CERT"] = "/authorities.crt"
    settings = [f"{name}={value}" for name, value in environment.items()]
    change = ("env", f"--chdir={work}")
    _run("chroot", str(root), "env", "-i", *settings, *change, *command)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, timeout=STEP_SECONDS, check=False)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-4000:])


def megabytes(folder: Path) -> float:
    """Return the size of all files, as `docker images` counts it."""
    files = (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    return sum(each.stat().st_size for each in files) / 1e6


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    image = build(target)
    print(image, f"{megabytes(image):.1f} MB")
